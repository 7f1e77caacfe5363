"""Opens runs, writes tasks and invokes exactly the crawlers that are missing."""
