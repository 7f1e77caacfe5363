"""Publishing to an SNS topic."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from trapline_common.aws.calls import call

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef


class SnsTopic:
    """One topic. The client comes from the caller, made with ``CLIENT_CONFIG``."""

    __slots__ = ("_arn", "_client")

    def __init__(self, client: "SNSClient", arn: str) -> None:
        self._client = client
        self._arn = arn

    async def publish(
        self, *, subject: str, texts: Mapping[str, str], attributes: Mapping[str, str | tuple[str, ...]]
    ) -> str:
        """Publish one message and return SNS's id for it.

        ``texts`` are by protocol, ``default`` among them. ``attributes`` are for subscription filters: a string, or a
        tuple that becomes a ``String.Array``; empty ones are left out, because SNS refuses them. Raises
        ``RefusedError`` when SNS will never take this content, ``TransientError`` otherwise.
        """
        made: dict[str, MessageAttributeValueTypeDef] = {}
        for name, value in attributes.items():
            if isinstance(value, str) and value:
                made[name] = {"DataType": "String", "StringValue": value}
            elif value:
                made[name] = {"DataType": "String.Array", "StringValue": json.dumps(value)}
        answer = await call(
            lambda: self._client.publish(
                TopicArn=self._arn,
                Subject=subject,
                Message=json.dumps(dict(texts), ensure_ascii=False),
                MessageStructure="json",
                MessageAttributes=made,
            )
        )
        return answer["MessageId"]
