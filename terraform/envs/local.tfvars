# AWS on this machine (AWS_ENDPOINT_URL): zips, no VPC, no RDS. `make up` names the database, releases and variables.
environment = "local"
region      = "us-east-1"
disposable  = true
local_aws   = true

allow_private = ["127.0.0.0/8"] # the pages of `make up` are on this machine

network              = { mode = "outside" }
account_concurrency  = 1000
notifier_concurrency = 0 # the emulator's own limits are tighter
relay                = true
log_days             = 7
silence_hours        = null

waiting_machines = ["arn:aws:states:us-east-1:000000000000:stateMachine:reports"] # a workflow of the tests' own
