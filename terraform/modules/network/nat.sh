#!/bin/bash
# Makes an Amazon Linux 2023 forward what comes from the private subnets, under its own address.
set -euo pipefail

# dnf reads its lists into memory, of which there are 512 MiB.
if ! swapon --show=NAME --noheadings | grep -q .; then
    dd if=/dev/zero of=/swap bs=1M count=1024 status=none
    chmod 600 /swap
    mkswap /swap >/dev/null
    swapon /swap
fi

# The instance's own address takes the place of its first one in these seconds, and cuts connections.
for attempt in {1..30}; do
    command -v nft >/dev/null && break
    dnf install --assumeyes --quiet nftables || sleep "$attempt"
done

echo 'net.ipv4.ip_forward = 1' >/etc/sysctl.d/90-nat.conf
sysctl --quiet --load=/etc/sysctl.d/90-nat.conf

way_out=$(ip -4 -oneline route show default | awk '{ print $5; exit }')
cat >/etc/sysconfig/nftables.conf <<RULES
flush ruleset

table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "$way_out" masquerade
    }
}
RULES
systemctl enable --quiet nftables
systemctl restart nftables
