"""Names that the generator and the scripts must agree on, written once. Imports nothing: rendering imports it."""

# The roots, by the names of their templates.
SHARED, ACCESS, EDGE, ENVIRONMENT = "shared", "access", "edge", "environment"
# The access root of what all environments share.
SHARED_ACCESS = f"{SHARED}-{ACCESS}"
# The roots that an administrator deploys, with rights of their own.
ACCESS_ROOTS = (ACCESS, SHARED_ACCESS)

# The child of `shared` that lets images be signed: its logical id, which the names of its stack have in them.
SIGNING = "Signing"

# The environment that gets the design's names, and that is deployed by its deploy role alone.
PRODUCTION = "production"

# The policy of `access` that is the permissions boundary of an environment's roles, by its logical id.
ROLE_BOUNDARY = "RoleBoundary"
# AWS's own policy that stands in for it where there is no stack `access`: it limits nothing.
NO_BOUNDARY = "AdministratorAccess"

# How the names of the change sets begin that the deploy script makes: to be executed at once, and for a saved plan. The
# environment's name and a dash come next, by which roles tell the change sets of one environment from another's.
CHANGE_SETS = ("deploy-", "reviewed-")

# The environment on the local AWS, where nobody subscribes.
LOCAL = "local"
# A mail address that says: nobody shall get the messages of this environment.
NOBODY = "NONE"
SUBSCRIBERS = ("NotificationEmail", "NotificationPhone")

# What the bucket of an application holds, by the beginning of its keys: templates, before the environment's name, and
# records of deployments, before the stack's.
TEMPLATES, RECORDS = "templates/", "deployments/"


def bucket_name(application: str, account: str, region: str) -> str:
    """The bucket that the templates of an application are stored in, one for each account and region."""
    return f"{application}-templates-{account}-{region}"
