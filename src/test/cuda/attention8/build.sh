#!/usr/bin/env bash
# Compiles an instance of a kernel with nvcc and tells its registers and spills:
#   build.sh OUTPUT.cubin FILE.cu CONSTANT=VALUE...
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
output=$1
file=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for constant in "$@"; do
  case $constant in
    *=true | *=false) type=bool ;;
    *) type=int ;;
  esac
  echo "constexpr $type ${constant%%=*} = ${constant#*=};" >>"$work/instance.cu"
done
echo "#include \"$here/$file\"" >>"$work/instance.cu"
nvcc -std=c++17 -gencode=arch=compute_90a,code=sm_90a -Xptxas=-v -cubin \
  -I"$here" -I"$here/../../../main/cuda" -o "$output" "$work/instance.cu"
