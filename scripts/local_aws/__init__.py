"""The embedded AWS: a CloudFormation of our own over moto's services, on loopback."""
