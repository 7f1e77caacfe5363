"""Identifiers, each a type of its own so that one can't be passed for another."""

from typing import NewType
from uuid import UUID

RunId = NewType("RunId", int)
TaskId = NewType("TaskId", int)
PageId = NewType("PageId", int)
AlertId = NewType("AlertId", int)
InvocationId = NewType("InvocationId", UUID)
OwnerToken = NewType("OwnerToken", UUID)
CrawlName = NewType("CrawlName", str)
LaneName = NewType("LaneName", str)
