"""The version of the template set: in the package metadata and in the roots' `Metadata`, written once."""

VERSION = "0.3.0"
