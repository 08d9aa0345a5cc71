// Inline PTX of the kernels: everything that CUDA C++ has no word for without the toolkit's headers.
#pragma once

// Two float32 values as two E4M3 bytes, nearest even, saturating at 448, NaN stays NaN; the first
// value becomes the lower byte.
__device__ __forceinline__ unsigned short e4m3Pair(float first, float second) {
  unsigned short packed;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(packed) : "f"(second), "f"(first));
  return packed;
}

// Two float32 values as two bfloat16, nearest even; the first value becomes the lower half.
__device__ __forceinline__ unsigned int bfloat16Pair(float first, float second) {
  unsigned int packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(second), "f"(first));
  return packed;
}

// One float32 value as IEEE half bits and back.
__device__ __forceinline__ unsigned short halfBits(float value) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}

__device__ __forceinline__ float fromHalfBits(unsigned short bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

// Two E4M3 bytes as two IEEE halves, exactly.
__device__ __forceinline__ unsigned int halvesOfE4m3Pair(unsigned short pair) {
  unsigned int halves;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(halves) : "h"(pair));
  return halves;
}

// ---- shared memory that the copy engine fills, and barriers that count what came

__device__ __forceinline__ unsigned int sharedAddress(const void* pointer) {
  return static_cast<unsigned int>(__cvta_generic_to_shared(pointer));
}

__device__ __forceinline__ void initBarrier(unsigned int barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

// Makes initialised barriers visible to the copy engine; a block's threads then still meet.
__device__ __forceinline__ void fenceBarriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ __forceinline__ void arriveIf(bool wanted, unsigned int barrier) {
  asm volatile(
      "{\n"
      ".reg .pred wanted;\n"
      "setp.ne.b32 wanted, %1, 0;\n"
      "@wanted mbarrier.arrive.shared::cta.b64 _, [%0];\n"
      "}" ::"r"(barrier), "r"(static_cast<int>(wanted))
      : "memory");
}

__device__ __forceinline__ void arriveExpecting(unsigned int barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}

// Waits until the barrier has left the phase of this parity.
__device__ __forceinline__ void await(unsigned int barrier, int parity) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again;\n"
      "}" ::"r"(barrier), "r"(parity)
      : "memory");
}

// Where a ring of COUNT stages stands, each of which is filled and emptied in turn.
template <int COUNT>
struct Ring {
  int stage = 0;
  int parity = 0;

  __device__ __forceinline__ void step() {
    if (++stage == COUNT) {
      stage = 0;
      parity ^= 1;
    }
  }
};

// A tensor map, by value among a kernel's arguments.
struct alignas(64) TensorMap {
  unsigned char bytes[128];
};

__device__ __forceinline__ void copyBox(
    unsigned int target, const TensorMap& map, unsigned int barrier, int c0, int c1, int c2, int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%3, %4, %5, %6}], [%2];" ::"r"(target),
      "l"(&map), "r"(barrier), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}

// Has the products see what this thread has stored to shared memory; the block's threads then still meet.
__device__ __forceinline__ void fenceStores() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ __forceinline__ void prefetchMap(const TensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

// ---- a warpgroup's asynchronous matrix products

template <int COUNT>
__device__ __forceinline__ void giveRegisters() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(COUNT));
}

template <int COUNT>
__device__ __forceinline__ void takeRegisters() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(COUNT));
}

__device__ __forceinline__ void beginProducts() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

__device__ __forceinline__ void commitProducts() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

template <int PENDING>
__device__ __forceinline__ void awaitProducts() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
}

// Ties a register to this place in the program: what products wrote is not read before it.
__device__ __forceinline__ void settle(float& value) {
  asm volatile("" : "+f"(value)::"memory");
}

__device__ __forceinline__ void settle(int& value) { asm volatile("" : "+r"(value)::"memory"); }

__device__ __forceinline__ void settle(unsigned int& value) { asm volatile("" : "+r"(value)::"memory"); }

// d[64, COLUMNS] = a[64, 16] b[COLUMNS, 16]' in float32, of bfloat16 operands that the two descriptors
// find in shared memory, each row's 16 values side by side; added to what d held where ADDS is 1.
template <int COLUMNS>
struct Product;

#define NAMES_0 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define NAMES_1 \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define NAMES_2 \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define NAMES_3 \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define NAMES_4 \
  "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"
#define NAMES_5 \
  "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define SUMS_4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define SUMS_8(i) SUMS_4(i), SUMS_4(i + 4)
#define SUMS_16(i) SUMS_8(i), SUMS_8(i + 8)
#define SUMS_32(i) SUMS_16(i), SUMS_16(i + 16)
#define SUMS_48(i) SUMS_16(i), SUMS_32(i + 16)
#define PRODUCT(COLUMNS, NAMES, OPERANDS, ...)                                            \
  template <>                                                                            \
  struct Product<COLUMNS> {                                                              \
    template <int ADDS = 1>                                                              \
    __device__ __forceinline__ static void add(                                          \
        float (&d)[COLUMNS / 2], unsigned long long a, unsigned long long b) {           \
      asm volatile("wgmma.mma_async.sync.aligned.m64n" #COLUMNS "k16.f32.bf16.bf16 {"    \
                   NAMES "}, " OPERANDS ", 1, 1, 0, 0;"                                  \
                   : __VA_ARGS__                                                         \
                   : "l"(a), "l"(b), "n"(ADDS));                                         \
    }                                                                                    \
  };
PRODUCT(8, "%0, %1, %2, %3", "%4, %5, %6",
    SUMS_4(0))
PRODUCT(16, "%0, %1, %2, %3, %4, %5, %6, %7", "%8, %9, %10",
    SUMS_8(0))
PRODUCT(32, NAMES_0, "%16, %17, %18",
    SUMS_16(0))
PRODUCT(64, NAMES_0 ", " NAMES_1, "%32, %33, %34",
    SUMS_32(0))
PRODUCT(80, NAMES_0 ", " NAMES_1 ", %32, %33, %34, %35, %36, %37, %38, %39", "%40, %41, %42",
    SUMS_32(0), SUMS_8(32))
PRODUCT(96, NAMES_0 ", " NAMES_1 ", " NAMES_2, "%48, %49, %50",
    SUMS_48(0))
PRODUCT(128, NAMES_0 ", " NAMES_1 ", " NAMES_2 ", " NAMES_3, "%64, %65, %66",
    SUMS_48(0), SUMS_16(48))
PRODUCT(160, NAMES_0 ", " NAMES_1 ", " NAMES_2 ", " NAMES_3 ", " NAMES_4, "%80, %81, %82",
    SUMS_48(0), SUMS_32(48))
PRODUCT(192, NAMES_0 ", " NAMES_1 ", " NAMES_2 ", " NAMES_3 ", " NAMES_4 ", " NAMES_5, "%96, %97, %98",
    SUMS_48(0), SUMS_48(48))
#undef PRODUCT

// d[64, COLUMNS] = a[64, 32] b[COLUMNS, 32]' of 8-bit operands that the two descriptors find in shared
// memory: in int32 of int8 where d is int, in float32 of E4M3 where it is float; added to what d held
// where ADDS is 1.
template <int COLUMNS>
struct NarrowProduct;

#define INTEGERS_4(i) "+r"(d[i]), "+r"(d[i + 1]), "+r"(d[i + 2]), "+r"(d[i + 3])
#define INTEGERS_8(i) INTEGERS_4(i), INTEGERS_4(i + 4)
#define INTEGERS_16(i) INTEGERS_8(i), INTEGERS_8(i + 8)
#define INTEGERS_32(i) INTEGERS_16(i), INTEGERS_16(i + 16)
#define NARROW_PRODUCT(COLUMNS, NAMES, OPERANDS, INTEGERS, ...)                          \
  template <>                                                                            \
  struct NarrowProduct<COLUMNS> {                                                        \
    template <int ADDS = 1>                                                              \
    __device__ __forceinline__ static void add(                                          \
        int (&d)[COLUMNS / 2], unsigned long long a, unsigned long long b) {             \
      asm volatile("wgmma.mma_async.sync.aligned.m64n" #COLUMNS "k32.s32.s8.s8 {"        \
                   NAMES "}, " OPERANDS ";"                                              \
                   : INTEGERS                                                            \
                   : "l"(a), "l"(b), "n"(ADDS));                                         \
    }                                                                                    \
    template <int ADDS = 1>                                                              \
    __device__ __forceinline__ static void add(                                          \
        float (&d)[COLUMNS / 2], unsigned long long a, unsigned long long b) {           \
      asm volatile("wgmma.mma_async.sync.aligned.m64n" #COLUMNS "k32.f32.e4m3.e4m3 {"    \
                   NAMES "}, " OPERANDS ", 1, 1;"                                        \
                   : __VA_ARGS__                                                         \
                   : "l"(a), "l"(b), "n"(ADDS));                                         \
    }                                                                                    \
  };
#define LIST(...) __VA_ARGS__
NARROW_PRODUCT(64, NAMES_0 ", " NAMES_1, "%32, %33, %34",
    INTEGERS_32(0), SUMS_32(0))
NARROW_PRODUCT(80, NAMES_0 ", " NAMES_1 ", %32, %33, %34, %35, %36, %37, %38, %39", "%40, %41, %42",
    LIST(INTEGERS_32(0), INTEGERS_8(32)), SUMS_32(0), SUMS_8(32))
NARROW_PRODUCT(96, NAMES_0 ", " NAMES_1 ", " NAMES_2, "%48, %49, %50",
    LIST(INTEGERS_32(0), INTEGERS_16(32)), SUMS_48(0))
#undef NARROW_PRODUCT
#undef LIST

// d[64, N] += a[64, 16] b[16, N] of bfloat16, N 64 or 128: a in registers, in the order in which a
// product leaves its sums, b in shared memory, each row's columns side by side.
__device__ __forceinline__ void multiplyRegisters(
    float (&d)[32], const unsigned int* a, unsigned long long b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {" NAMES_0 ", " NAMES_1
      "}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;"
      : SUMS_32(0)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

__device__ __forceinline__ void multiplyRegisters(
    float (&d)[64], const unsigned int* a, unsigned long long b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" NAMES_0 ", " NAMES_1 ", " NAMES_2
      ", " NAMES_3 "}, {%64, %65, %66, %67}, %68, 1, 1, 1, 1;"
      : SUMS_48(0), SUMS_16(48)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

// d[64, 136] = a[64, 32] b[136, 32]' of E4M3 operands in float32, the last eight columns in `rest`; added
// to what d held where `adds`. a lies in registers, eight of a row's columns in two words 16 apart, b in
// shared memory, each row's 32 values side by side.
__device__ __forceinline__ void multiplyNarrow(
    float (&d)[64], float (&rest)[4], const unsigned int* a, unsigned long long b, bool adds) {
  asm volatile(
      "{\n"
      ".reg .pred adds;\n"
      "setp.ne.b32 adds, %73, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n136k32.f32.e4m3.e4m3 {" NAMES_0 ", " NAMES_1 ", " NAMES_2
      ", " NAMES_3 ", %64, %65, %66, %67}, {%68, %69, %70, %71}, %72, adds, 1, 1;\n"
      "}"
      : SUMS_48(0), SUMS_16(48), "+f"(rest[0]), "+f"(rest[1]), "+f"(rest[2]), "+f"(rest[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(static_cast<int>(adds)));
}

// d[64, 128] = a[64, 32] b[128, 32]' of unsigned a and signed b of 8 bits in int32, which lie as above;
// added to what d held where ADDS is 1.
template <int ADDS>
__device__ __forceinline__ void multiplyNarrow(
    int (&d)[64], const unsigned int* a, unsigned long long b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n128k32.s32.u8.s8 {" NAMES_0 ", " NAMES_1 ", " NAMES_2
      ", " NAMES_3 "}, {%64, %65, %66, %67}, %68, %69;"
      : INTEGERS_32(0), INTEGERS_32(32)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(ADDS));
}

// ---- barriers among some warps of a block, by number

template <int THREADS>
__device__ __forceinline__ void meet(int number) {
  asm volatile("bar.sync %0, %1;" ::"r"(number), "n"(THREADS) : "memory");
}

// Counts as having come, without waiting for the others.
template <int THREADS>
__device__ __forceinline__ void pass(int number) {
  asm volatile("bar.arrive %0, %1;" ::"r"(number), "n"(THREADS) : "memory");
}

// The index of this thread, read anew: what follows from it does not wait in registers through loops.
__device__ __forceinline__ int threadHere() {
  int index;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(index));
  return index;
}

// Reads what no one writes, at this place in the program.
__device__ __forceinline__ float loadHere(const float* from) {
  float value;
  asm volatile("ld.global.nc.f32 %0, [%1];" : "=f"(value) : "l"(from));
  return value;
}

// 2 to a power, within 2 units in the last place.
__device__ __forceinline__ float powerOfTwo(float exponent) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(exponent));
  return power;
}
