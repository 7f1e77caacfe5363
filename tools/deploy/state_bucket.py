"""The bucket of Terraform's state: made by the first deploy, private and versioned, one for an account and a region."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.deploy.account import Account
from tools.deploy.environments import Environment
from tools.shell import ToolError, say
from tools.terraform.deployer import states_bucket

_LOCAL = {
    "use_path_style": True,
    "skip_credentials_validation": True,
    "skip_metadata_api_check": True,
    "skip_requesting_account_id": True,
}
"""What Terraform's backend needs of an emulator."""

_ANOTHERS = frozenset({"403", "AccessDenied", "BucketAlreadyExists"})
"""S3's words for a bucket that is not the caller's; the first has no more words, because HEAD has no body."""


def make(environment: Environment, account: Account) -> None:
    """Make the bucket and the backend's file that names it, as far as they are missing. Raises ``ToolError``.

    The bucket is complete before the file names it: a run that was cut off between them makes it complete again.
    """
    if environment.backend.is_file():
        return
    name = states_bucket(account.id, account.region)
    try:
        _make(account.client("s3"), name, account)
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""
        taken = (
            f". It is another account's, or you may not look at it: name yours in {environment.backend.name} by hand"
            ' (bucket = "...", key = "trapline/'
            f'{environment.name}.tfstate", region = "{account.region}"), and run this again'
            if code in _ANOTHERS
            else ""
        )
        raise ToolError(f"the bucket of Terraform's state, {name}, can't be made: {error}{taken}") from error
    values: dict[str, Any] = {"bucket": name, "key": f"trapline/{environment.name}.tfstate", "region": account.region}
    if environment.settings.local_aws:
        values |= _LOCAL
    draft = environment.backend.with_suffix(".draft")
    draft.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    draft.replace(environment.backend)
    say(f"deploy: made s3://{name}, private and versioned, for Terraform's state, and {environment.backend.name}")


def _make(s3: Any, name: str, account: Account) -> None:
    """Make the bucket unless the account has it, and give it its settings; another account's is refused by AWS."""
    owner = {"Bucket": name, "ExpectedBucketOwner": account.id}
    try:
        s3.head_bucket(**owner)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
        # us-east-1 is the one region that S3 takes no constraint for
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
        s3.create_bucket(Bucket=name, **({} if account.region == "us-east-1" else elsewhere))
    s3.put_public_access_block(
        **owner,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_versioning(**owner, VersioningConfiguration={"Status": "Enabled"})
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(**owner, ServerSideEncryptionConfiguration={"Rules": [default]})
    arn = f"arn:{account.partition}:s3:::{name}"
    tls_only = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(**owner, Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls_only]}))
