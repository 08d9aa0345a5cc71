#pragma once
#include "second.cuh"
__device__ inline int first(int x) {
  return second(x);
}
