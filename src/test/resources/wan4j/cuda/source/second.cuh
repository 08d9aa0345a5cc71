#pragma once
__device__ inline int second(int x) {
  return x + 1;
}
