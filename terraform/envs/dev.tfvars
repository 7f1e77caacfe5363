# An environment to try things in, cheap: one zone, a small instance in the NAT gateway's place, AWS's own keys, few
# alarms; and it may be thrown away.
environment = "dev"
region      = "eu-central-1"
disposable  = true

network = { mode = "made", nat = "instance" }

database = {
  instance_class      = "db.t4g.micro"
  multi_az            = false
  backup_days         = 1
  deletion_protection = false
  apply_immediately   = true
  monitoring_seconds  = 0
}

customer_key = false
alarms       = "few"

log_days    = 30
expire_days = { runs = 60 }

retention_days = 14

# Who gets which email; each person confirms by the link in SNS's first mail.
alert_emails      = []
operations_emails = []
