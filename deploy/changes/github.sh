#!/bin/sh
# GitHub tells Homeostat of deployments and releases of one repository (docs/changes.md).
#
#   HOMEOSTAT=https://homeostat.example.org SECRET_FILE=github.secret ./github.sh OWNER/REPOSITORY
#
# Needs the `gh` command, signed in as somebody who may administrate the repository. The same secret
# (`openssl rand -hex 24 > github.secret`) is named by Homeostat's token file:
#   - {name: github, roles: [sender], webhook_secret_file: github.secret}
set -eu

repository=${1:?usage: github.sh OWNER/REPOSITORY}
: "${HOMEOSTAT:?set it to the address of Homeostat}"
: "${SECRET_FILE:?set it to the file with the secret}"

gh api --method POST "repos/$repository/hooks" \
    --field name=web \
    --field active=true \
    --field "events[]=deployment_status" \
    --field "events[]=release" \
    --field "config[url]=$HOMEOSTAT/webhook/changes/github" \
    --field "config[content_type]=json" \
    --field "config[secret]=$(cat "$SECRET_FILE")"
