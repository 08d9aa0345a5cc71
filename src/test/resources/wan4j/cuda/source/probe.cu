// Kernels that prove the path from source to launch; no part of the engine.
//   scale    to[i] = from[i] * FACTOR * factor
//   ranks    to[block] = the block's rank in its cluster
//   tile     copies the box at (column, row) of a float32 tensor through a tensor map
// Constants: FACTOR, ROWS and COLUMNS of the box.

struct alignas(64) TensorMap {
  unsigned char bytes[128];
};

extern "C" __global__ void scale(const float* from, float* to, float factor, int count) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) {
    to[i] = from[i] * FACTOR * factor;
  }
}

extern "C" __global__ void ranks(int* to) {
  unsigned int rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  if (threadIdx.x == 0) {
    to[blockIdx.x] = static_cast<int>(rank);
  }
}

extern "C" __global__ void tile(
    const __grid_constant__ TensorMap map, float* to, int column, int row) {
  __shared__ alignas(128) float box[ROWS * COLUMNS];
  __shared__ alignas(8) unsigned long long barrier;
  unsigned int bar = static_cast<unsigned int>(__cvta_generic_to_shared(&barrier));
  unsigned int target = static_cast<unsigned int>(__cvta_generic_to_shared(box));
  if (threadIdx.x == 0) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(bar));
    asm volatile("fence.mbarrier_init.release.cluster;");
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(bar),
                 "n"(ROWS * COLUMNS * 4)
                 : "memory");
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
        " [%0], [%1, {%2, %3}], [%4];" ::"r"(target),
        "l"(&map), "r"(column), "r"(row), "r"(bar)
        : "memory");
  }
  __syncthreads();
  unsigned int done = 0;
  while (!done) {
    asm volatile(
        "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], 0; selp.u32 %0, 1, 0, p; }"
        : "=r"(done)
        : "r"(bar)
        : "memory");
  }
  for (int i = threadIdx.x; i < ROWS * COLUMNS; i += blockDim.x) {
    to[i] = box[i];
  }
}
