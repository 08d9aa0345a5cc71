#!/usr/bin/env bash
# Trains the demo's models on two GPUs of one machine within ten minutes:
#   together.sh [--micro] [--minutes M] [--second_after SECONDS] OUTPUT
# The second GPU trains the autoencoder, then text-to-video; the first one, after SECONDS (default 300), trains
# image-to-video from what text-to-video has learnt by then, and TI2V beside it. OUTPUT gets models-1.tar (t2v),
# models-2.tar (i2v, logs, sheets) and models-3.tar (ti2v), to be unpacked over demo/checkpoint.
set -u
usage="usage: together.sh [--micro] [--minutes M] [--second_after SECONDS] OUTPUT"
minutes=9.3
after=300
flags=()
devices=(0 1)
while [[ ${1:-} == --* ]]; do
  case $1 in
    --minutes) minutes=${2:?$usage} && shift ;;
    --second_after) after=${2:?$usage} && shift ;;
    --micro) flags=(--micro --side 32 --frames 9) ;;
    *) echo "$usage" >&2 && exit 2 ;;
  esac
  shift
done
mkdir -p "${1:?$usage}"
output=$(readlink -f "$1")
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
demo=$here/../checkpoint/t2v
work=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONUNBUFFERED=1 PYTHONPATH=${PYTHONPATH:-}
[ ${#flags[@]} -gt 0 ] || flags=(--side 128 --frames 33)

# left RESERVE: the minutes until RESERVE seconds before the end.
left() { awk "BEGIN { print ($minutes * 60 - $SECONDS - $1) / 60 }"; }

# train NAME GPU SCRIPT FLAG...: one training, its output in NAME.txt.
train() {
  local name=$1 gpu=$2 script=$3
  shift 3
  CUDA_VISIBLE_DEVICES=$gpu timeout --kill-after=3 "$(awk "BEGIN { print $minutes * 60 - $SECONDS - 3 }")" \
    python3 "$here/$script" --out "$work/$name" --seed 20 "${flags[@]}" "$@" >"$work/$name.txt" 2>&1
  echo "$name ended with status $? after $SECONDS s"
}

# pack: the files as they are.
pack() {
  local all=$work/all
  rm -rf "$all"
  mkdir -p "$all/t2v" "$all/i2v" "$all/ti2v" "$all/logs"
  for part in low_noise_model high_noise_model; do
    cp -r "$work/t2v/checkpoint/t2v/$part" "$all/t2v/"
    cp -r "$work/i2v/checkpoint/i2v/$part" "$all/i2v/"
  done
  cp "$work/t2v/checkpoint/t2v/Wan2.1_VAE.pth" "$all/t2v/"
  for file in "$work"/ti2v/checkpoint/*; do
    [ -L "$file" ] || cp "$file" "$all/ti2v/"
  done
  cp "$work"/*.txt "$work"/*/*-sheet.png "$all/logs/"
  for name in t2v i2v ti2v; do
    cp "$work/$name/log.json" "$all/logs/$name.json"
  done
  tar --directory "$all" --create --file "$output/models-1.tar" t2v
  tar --directory "$all" --create --file "$output/models-2.tar" i2v logs
  tar --directory "$all" --create --file "$output/models-3.tar" ti2v
} 2>/dev/null

mkdir -p "$work/t2v"
train t2v "${devices[1]}" train.py --text "$demo" --tokenizer "$demo/google/umt5-xxl" \
  --parts autoencoder,t2v --reports --minutes "$(left 22)" &
sleep "$after"
train i2v "${devices[0]}" train.py --text "$demo" --tokenizer "$demo/google/umt5-xxl" \
  --parts i2v --resume "$work/t2v" --reports --minutes "$(left 22)" &
train ti2v "${devices[0]}" ti2v.py --demo "$demo" --minutes "$(left 22)" &
while [ -n "$(jobs -r)" ] && awk "BEGIN { exit !($SECONDS < $minutes * 60 - 4) }"; do
  sleep 1
  if ((SECONDS % 60 == 0)); then pack; fi
done
wait
pack
tail -n 3 "$work"/*.txt | cut -c1-180
ls -l "$output"
