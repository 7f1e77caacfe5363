"""The steps of a durable invocation: it becomes ready, works slice by slice, and ends. Nothing here knows the SDK."""

from asyncio import Event
from dataclasses import dataclass

from trapline_common.domain.ids import InvocationId, OwnerToken
from trapline_common.domain.messages import Crawl
from trapline_common.ledger import invocations, slices, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import ABOVE_CAP
from trapline_common.ledger.slices import Resumed
from trapline_common.platform.lambda_runtime import Deadline
from trapline_common.platform.logging import get_logger
from trapline_crawler.services import Services
from trapline_crawler.work.counters import Counters
from trapline_crawler.work.ledger_contact import LedgerContact
from trapline_crawler.work.one_call import Before, Worked, count_again, fail, work_one_call
from trapline_crawler.work.rest import Rest

_log = get_logger("crawler")


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableInvocation:
    """One invocation as its execution sees it; each method is one step, and is called again after it was cut off."""

    services: Services
    """What it works with."""
    message: Crawl
    """The event that started the execution."""
    execution: str
    """The execution's ARN, which no other has. With it a step finds the row that an earlier step made ready."""

    async def ready(self, *, request_id: str) -> bool:
        """``-> ready``; ``False`` when the row is another's: the event was delivered twice, or late."""
        async with await self.services.connect() as database:
            if await self._resume(database, request_id) is not None:
                return True  # this very step, once more: the word that it was done got lost
            held = await invocations.become_ready(
                database,
                self._id,
                owner=OwnerToken(self.services.new_token()),
                request_id=request_id,
                process_name=self.services.process_name,
                delivery=self.execution,
            )
        if held is None:
            _log.info("duplicate_delivery", invocation_id=str(self._id))
        return held is not None

    async def slice(self, *, request_id: str, deadline: Deadline, last: bool, last_attempt: bool) -> Worked:
        """Go on where the slice before ended, or was cut off, until this call's time is over or a host has to wait.

        ``last``: hand back what can't be finished, and end. Raises what broke the slice off. The invocation is held
        still then, for another attempt; after the ``last_attempt`` it is ``failed`` and its tasks went back.
        """
        services = self.services
        contact = LedgerContact(longest=services.pace.longest_silence, clock=services.clock, alarm=services.alarm)
        try:
            async with services.connected() as database:
                sent_at = contact.now()
                resumed = await self._resume(database, request_id)
                if resumed is None:
                    _log.warning("invocation_lost", invocation_id=str(self._id), reason="its execution was too late")
                    return Worked(lost=True)
                contact.reached(sent_at)
                try:
                    worked = await self._work(database, resumed, contact=contact, deadline=deadline, last=last)
                except Exception as error:
                    if last_attempt:
                        await fail(services, database, resumed.held, error)
                    raise
                if not worked.lost and worked.rest is None:
                    await count_again(services, database, resumed.held)
                return worked
        finally:
            contact.over()

    async def _work(
        self, database: Database, resumed: Resumed, *, contact: LedgerContact, deadline: Deadline, last: bool
    ) -> Worked:
        held = resumed.held
        adopted = await slices.adopt(database, held)
        if resumed.above_cap:
            return await self._make_room(database, resumed)
        return await work_one_call(
            self.services,
            database,
            held,
            contact=contact,
            deadline=deadline,
            stop=Event(),
            before=Before(adopted=adopted, running=resumed.running),
            rest=None if last else Rest(),
        )

    async def _make_room(self, database: Database, resumed: Resumed) -> Worked:
        """Hand everything back and end, before a browser starts: the lane's cap was lowered below this invocation."""
        held = resumed.held
        _log.info("above_cap", invocation_id=str(self._id), lane=held.lane)
        counters = Counters(handed_back=await tasks.hand_back(database, held))
        end = invocations.succeed if resumed.running else invocations.terminate_ready
        return Worked(counters=counters, lost=not await end(database, held, ABOVE_CAP))

    @property
    def _id(self) -> InvocationId:
        return InvocationId(self.message.invocation_id)

    async def _resume(self, database: Database, request_id: str) -> Resumed | None:
        return await slices.resume(
            database,
            self._id,
            execution=self.execution,
            owner=OwnerToken(self.services.new_token()),
            request_id=request_id,
            process_name=self.services.process_name,
        )
