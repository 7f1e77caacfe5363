# `trapline config` checks crawls.yaml in full; here Terraform reads only what the schedules and the checks need, with
# the defaults of trapline_common.config: a crawl's own value, then that of `defaults`, then the product's.
locals {
  document = yamldecode(file(var.crawls_file))
  defaults = try({ for key, value in local.document.defaults : key => value }, {})
  crawls   = { for name, crawl in try(local.document.crawls, {}) : name => merge(local.defaults, crawl) }

  scheduled = { for name, crawl in local.crawls : name => {
    expression     = crawl.schedule
    timezone       = try(coalesce(crawl.timezone), "UTC")
    enabled        = try(crawl.enabled, true)
    jitter_minutes = ceil(local.jitter_seconds[name] / 60)
    machine        = contains(local.machine_lanes, try(coalesce(crawl.lane), "default"))
  } if try(crawl.schedule, null) != null }

  # A duration as people write it: 15m, 1h, 900s, or a number of seconds. Any other text stops the plan here.
  units = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400 }
  jitter_seconds = { for name, crawl in local.crawls : name => try(crawl.jitter, null) == null ? 0 : [
    for parts in [regex("^([0-9]+(?:[.][0-9]+)?)\\s*(ms|s|m|h|d)?$", trimspace(tostring(crawl.jitter)))] :
    tonumber(parts[0]) * local.units[coalesce(parts[1], "s")]
  ][0] }

  # A lane that crawls.yaml does not name is `default`, and a lane without a cap has 20.
  lane_caps = merge({ default = 20 }, {
    for name, lane in try(local.document.lanes, {}) : name => try(tonumber(lane.max_invocations), 20)
  })
  used_lanes = toset(
    [for crawl in values(local.crawls) : try(coalesce(crawl.lane), "default") if try(crawl.enabled, true)]
  )
  invocations_cap = sum(concat([0], [for name in local.used_lanes : lookup(local.lane_caps, name, 20)]))

  # Who calls a lane's crawlers: the dispatcher itself, Step Functions, or a durable function.
  orchestrators = {
    for name, lane in try(local.document.lanes, {}) : name => try(coalesce(lane.orchestrator), "self")
  }
  machine_lanes = [for name, orchestrator in local.orchestrators : name if orchestrator == "step_functions"]
  queues = {
    for name in local.machine_lanes :
    name => local.lane_caps[name]
    if try(tobool(local.document.lanes[name].queue), false)
  }
  durable_lanes = [for name, orchestrator in local.orchestrators : name if orchestrator == "durable"]
}
