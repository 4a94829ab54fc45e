#!/usr/bin/env bash
# Builds the image and runs it, where no container engine runs and no image can be pulled: on a Debian root, with buildah
# in a chroot. Needs root, buildah and debootstrap (Debian packages), 12 GB of disk, and takes some minutes.
#
# BASE=image takes an image that buildah has or can pull; KEEP=1 leaves the work folder, build/docker-check.
set -euo pipefail
cd "$(dirname "$0")/.."

for program in buildah debootstrap; do
    command -v "$program" > /dev/null || { echo "docker-check: $program is not installed. Run: apt-get install $program"; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "docker-check: it was started by $(id -un), but root is needed. Run it with sudo."; exit 2; }

work=$PWD/build/docker-check
runs=$work/runs
mkdir -p "$work"
export STORAGE_DRIVER=${STORAGE_DRIVER:-overlay} BUILDAH_ISOLATION=chroot
buildah() { command buildah --root "$work/storage" --runroot "$work/run" "$@"; }
say() { echo "docker-check: $*"; }
fail() { say "FAILED: $*"; exit 1; }
clean_up() {
    buildah rm --all > /dev/null 2>&1 || true
    [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap clean_up EXIT

base=${BASE:-localhost/base}
if ! buildah inspect --type image "$base" > /dev/null 2>&1 && [ -z "${BASE:-}" ]; then
    say "a Debian root for $base"
    container=$(buildah from scratch)
    debootstrap --variant=minbase --include=ca-certificates bookworm "$(buildah mount "$container")" > "$work/debootstrap.log"
    buildah commit --quiet "$container" "$base" > /dev/null
    buildah rm "$container" > /dev/null
fi

say "the image"
# The builder's certificates and its pip.conf, if it has one, are there while it builds and never in the image.
options=(--volume /etc/ssl/certs:/etc/ssl/certs:ro)
for config in "${PIP_CONFIG_FILE:-}" ~/.config/pip/pip.conf /etc/pip.conf; do
    if [ -f "$config" ]; then
        options+=(--secret "id=pip.conf,src=$config")
        break
    fi
done
buildah bud --layers --network host --build-arg "BASE_IMAGE=$base" "${options[@]}" --tag localhost/infogan . &> "$work/build.log" \
    || { tail -n 20 "$work/build.log"; fail "it cannot be built"; }

image=$(buildah inspect --type image localhost/infogan)
grep -q '"User": "1000:1000"' <<< "$image" || fail "the image runs as another user than 1000"
grep -q '"/infogan/docker/start.sh"' <<< "$image" || fail "the image does not start docker/start.sh"
container=$(buildah from localhost/infogan)
root=$(buildah mount "$container")
! find "$root" -xdev -name pip.conf -type f -size +0 | grep . || fail "a pip.conf is in the image"
! grep -E 'index-url|find-links' <<< "$image" || fail "a package index is in the image's history"
! find "$root/infogan" -name .git | grep . || fail "the repository's history is in the image"
say "$(du -sxm "$root" | cut -f 1) MB unpacked, of which $(du -sm "$root/opt/infogan" | cut -f 1) MB Python packages"

rm -rf "$runs"
mkdir -p "$runs/logs" "$runs/ckt"
chown -R 1000:1000 "$runs"
# As `docker run` would, which has no other way in than the entry point either.
in_image() {
    buildah run --network host --volume "$runs/logs:/infogan/logs" --volume "$runs/ckt:/infogan/ckt" "$container" -- \
        /infogan/docker/start.sh "$@"
}

say "the MNIST launcher"
in_image --smoke --run-name smoke | tee "$work/smoke.log"
grep -qE '^(GPU: .*CUDA|no GPU: running on the CPU)' "$work/smoke.log" || fail "nothing says what it runs on"
[ -s "$runs/logs/mnist/smoke/report.html" ] || fail "there is no report in the mounted logs"
[ "$(stat -c %u "$runs/ckt/mnist/smoke/spec.json")" = 1000 ] || fail "the checkpoints are another user's"

say "another launcher by its path, and by python"
in_image launchers/run_fashion_mnist_exp.py --smoke --run-name smoke --data-dir infogan/data/mnist_files > "$work/other.log"
[ -s "$runs/logs/fashion_mnist/smoke/report.json" ] || fail "the other launcher left no report"
in_image python launchers/generate.py ckt/mnist/smoke --list
in_image launchers/export.py ckt/mnist/smoke --format onnx --output logs/onnx > /dev/null
in_image launchers/explore.py --help > /dev/null

say "another user, as docker run --user has it"
mkdir "$runs/theirs"
chown 4321:4321 "$runs/theirs"
buildah run --user 4321:4321 --volume "$runs/ckt:/infogan/ckt:ro" --volume "$runs/theirs:/infogan/logs" "$container" -- \
    /infogan/docker/start.sh launchers/generate.py ckt/mnist/smoke --output logs/grid.png
[ "$(stat -c %u "$runs/theirs/grid.png")" = 4321 ] || fail "the picture is another user's"

say "a folder that the user may not write"
chown 0:0 "$runs/logs"
chmod 755 "$runs/logs"
status=0
in_image --smoke --run-name refused --log-dir logs/other 2> "$work/refused.log" || status=$?
[ "$status" = 2 ] && grep -q "cannot be written (Permission denied)" "$work/refused.log" \
    || fail "status $status and: $(cat "$work/refused.log")"

say "all passed"
