#!/usr/bin/env bash
# Trains the demo's models on one or two GPUs of one machine within ten minutes:
#   together.sh [--micro] [--minutes M] [--second_after SECONDS] [--only NAME,NAME] [--resume FOLDER] OUTPUT
# Names are t2v, i2v, ti2v, s2v and animate; without --only all are trained. The autoencoder and text-to-video are
# trained first; image-to-video starts after SECONDS (default 300) from what text-to-video has learnt by then. Where
# there are two GPUs, t2v and s2v have the second one, the others the first. OUTPUT gets models-NAME.tar, to be unpacked
# over demo/checkpoint, and models-logs.tar (logs, sheets); they are packed anew each minute. With --resume ti2v keeps
# the autoencoder of the checkpoint in FOLDER, and its transformer has all of the time.
set -u
usage="usage: together.sh [--micro] [--minutes M] [--second_after SECONDS] [--only NAME,NAME] [--resume FOLDER] OUTPUT"
minutes=9.3
after=300
only=t2v,i2v,ti2v,s2v,animate
flags=()
resume=()
while [[ ${1:-} == --* ]]; do
  case $1 in
    --minutes) minutes=${2:?$usage} && shift ;;
    --second_after) after=${2:?$usage} && shift ;;
    --only) only=${2:?$usage} && shift ;;
    --resume) resume=(--resume "$(readlink -f "${2:?$usage}")") && shift ;;
    --micro) flags=(--micro --side 64 --frames 9) ;;
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
second=0
[ "$(nvidia-smi -L 2>/dev/null | wc -l)" -lt 2 ] || second=1

# left RESERVE: the minutes until RESERVE seconds before the end.
left() { awk "BEGIN { print ($minutes * 60 - $SECONDS - $1) / 60 }"; }

# wanted NAME: whether it is to be trained.
wanted() { [[ ,$only, == *,$1,* ]]; }

# train NAME GPU SCRIPT FLAG...: one training, its output in NAME.txt.
train() {
  local name=$1 gpu=$2 script=$3
  shift 3
  CUDA_VISIBLE_DEVICES=$gpu timeout --kill-after=3 "$(awk "BEGIN { print $minutes * 60 - $SECONDS - 3 }")" \
    python3 "$here/$script" --out "$work/$name" --seed 20 "${flags[@]}" "$@" >"$work/$name.txt" 2>&1
  echo "$name ended with status $? after $SECONDS s"
}

# pack: the files as they are; links to other models' files stay behind.
pack() {
  local all=$work/all name file
  rm -rf "$all"
  mkdir -p "$all/logs"
  for name in ${only//,/ }; do
    mkdir -p "$all/$name"
    for file in "$work/$name/checkpoint"/* "$work/$name/checkpoint/$name"/*; do
      case $file in
        */t2v/models_t5* | */t2v/google | "$work/$name/checkpoint/t2v" | "$work/$name/checkpoint/i2v") ;;
        *) [ -L "$file" ] || cp -r "$file" "$all/$name/" ;;
      esac
    done
    cp "$work/$name/log.json" "$all/logs/$name.json"
    tar --directory "$all" --create --file "$output/models-$name.tar" "$name"
  done
  cp "$work"/*.txt "$work"/*/*-sheet.png "$all/logs/"
  tar --directory "$all" --create --file "$output/models-logs.tar" logs
} 2>/dev/null

# report: what every training said last.
report() { tail -q -n "$1" "$work"/*.txt | cut -c1-180; }

mkdir -p "$work/t2v"
if wanted t2v; then
  train t2v $second train.py --text "$demo" --tokenizer "$demo/google/umt5-xxl" \
    --parts autoencoder,t2v --reports --minutes "$(left 22)" &
fi
if wanted s2v; then
  train s2v $second s2v.py --demo "$demo" --minutes "$(left 22)" &
fi
if wanted animate; then
  train animate 0 animate.py --demo "$demo" --minutes "$(left 22)" &
fi
if wanted i2v; then
  sleep "$after"
  train i2v 0 train.py --text "$demo" --tokenizer "$demo/google/umt5-xxl" \
    --parts i2v --resume "$work/t2v" --reports --minutes "$(left 22)" &
fi
if wanted ti2v; then
  train ti2v 0 ti2v.py --demo "$demo" "${resume[@]}" --minutes "$(left 22)" &
fi
while [ -n "$(jobs -r)" ] && awk "BEGIN { exit !($SECONDS < $minutes * 60 - 4) }"; do
  sleep 1
  if ((SECONDS % 60 == 0)); then
    pack
    report 1
  fi
done
wait
pack
report 12
ls -l "$output"
