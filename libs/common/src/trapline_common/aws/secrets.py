"""Secrets from AWS Secrets Manager."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from trapline_common.aws.calls import call

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class ManagedSecrets:
    """A ``SecretSource`` over Secrets Manager. Names get ``prefix``, so that one role can be scoped to one set.

    Nothing is cached: a rotated secret is used from the next visit on, and a warm environment holds none.
    """

    __slots__ = ("_client", "_prefix")

    def __init__(self, client: "SecretsManagerClient", *, prefix: str = "") -> None:
        self._client = client
        self._prefix = prefix

    async def resolve(self, name: str) -> str:
        """Return the secret's string. Raises ``KeyError`` when there is none, ``TransientError`` for now."""

        def get() -> str | None:
            try:
                answer = self._client.get_secret_value(SecretId=self._prefix + name)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                    return None
                raise
            return answer.get("SecretString")

        value = await call(get)
        if value is None:
            raise KeyError(name)
        return value
