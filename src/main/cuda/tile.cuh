// Element types by number, vectors of elements in registers, and rows spread over a thread block.
#pragma once
#include "ptx.cuh"

using int64 = long long;

// The numbers by which the host half names element types (ElementType.java).
constexpr int FLOAT32 = 0;
constexpr int BFLOAT16 = 1;
constexpr int FLOAT16 = 2;
constexpr int E4M3 = 3;
constexpr int FLOAT64 = 4;

template <int TYPE>
struct Element;
template <>
struct Element<FLOAT32> {
  using Bits = float;
};
template <>
struct Element<BFLOAT16> {
  using Bits = unsigned short;
};
template <>
struct Element<FLOAT16> {
  using Bits = unsigned short;
};
template <>
struct Element<E4M3> {
  using Bits = unsigned char;
};
template <>
struct Element<FLOAT64> {
  using Bits = double;
};

// The widest piece that one instruction moves for a vector of so many bytes.
template <int BYTES>
struct Piece;
template <>
struct Piece<16> {
  using Bits = uint4;
};
template <>
struct Piece<8> {
  using Bits = uint2;
};
template <>
struct Piece<4> {
  using Bits = unsigned int;
};
template <>
struct Piece<2> {
  using Bits = unsigned short;
};
template <>
struct Piece<1> {
  using Bits = unsigned char;
};

__host__ __device__ constexpr int pieceBytes(int bytes) {
  return bytes % 16 == 0 ? 16 : bytes % 8 == 0 ? 8 : bytes % 4 == 0 ? 4 : bytes % 2 == 0 ? 2 : 1;
}

// The bits of COUNT neighbouring elements, moved in the widest pieces.
template <int TYPE, int COUNT>
union Packet {
  using Bits = typename Element<TYPE>::Bits;
  static constexpr int WIDTH = pieceBytes(COUNT * static_cast<int>(sizeof(Bits)));
  static constexpr int PIECES = COUNT * static_cast<int>(sizeof(Bits)) / WIDTH;
  using Wide = typename Piece<WIDTH>::Bits;

  Bits bits[COUNT];
  Wide wide[PIECES];

  __device__ __forceinline__ void load(const void* base, int64 index) {
    const Wide* from = reinterpret_cast<const Wide*>(static_cast<const Bits*>(base) + index);
#pragma unroll
    for (int i = 0; i < PIECES; i++) {
      wide[i] = from[i];
    }
  }

  __device__ __forceinline__ void store(void* base, int64 index) const {
    Wide* to = reinterpret_cast<Wide*>(static_cast<Bits*>(base) + index);
#pragma unroll
    for (int i = 0; i < PIECES; i++) {
      to[i] = wide[i];
    }
  }
};

template <int TYPE>
__device__ __forceinline__ float toFloat(typename Element<TYPE>::Bits bits) {
  if constexpr (TYPE == FLOAT32) {
    return bits;
  } else if constexpr (TYPE == BFLOAT16) {
    return __uint_as_float(static_cast<unsigned int>(bits) << 16);
  } else if constexpr (TYPE == FLOAT16) {
    return fromHalfBits(bits);
  } else if constexpr (TYPE == FLOAT64) {
    return static_cast<float>(bits);
  } else {
    return fromHalfBits(static_cast<unsigned short>(halvesOfE4m3Pair(bits) & 0xFFFF));
  }
}

template <int TYPE>
__device__ __forceinline__ typename Element<TYPE>::Bits fromFloat(float value) {
  if constexpr (TYPE == FLOAT32) {
    return value;
  } else if constexpr (TYPE == BFLOAT16) {
    return static_cast<unsigned short>(bfloat16Pair(value, 0.0f) & 0xFFFF);
  } else if constexpr (TYPE == FLOAT16) {
    return halfBits(value);
  } else if constexpr (TYPE == FLOAT64) {
    return static_cast<double>(value);
  } else {
    return static_cast<unsigned char>(e4m3Pair(value, 0.0f) & 0xFF);
  }
}

// Loads COUNT neighbouring elements as float32.
template <int TYPE, int COUNT>
__device__ __forceinline__ void load(const void* base, int64 index, float (&values)[COUNT]) {
  Packet<TYPE, COUNT> packet;
  packet.load(base, index);
#pragma unroll
  for (int i = 0; i < COUNT; i++) {
    values[i] = toFloat<TYPE>(packet.bits[i]);
  }
}

// Stores COUNT neighbouring float32 values as elements of a type.
template <int TYPE, int COUNT>
__device__ __forceinline__ void store(void* base, int64 index, const float (&values)[COUNT]) {
  Packet<TYPE, COUNT> packet;
  if constexpr (COUNT % 2 == 0 && TYPE == BFLOAT16) {
    unsigned int* pairs = reinterpret_cast<unsigned int*>(packet.bits);
#pragma unroll
    for (int i = 0; i < COUNT / 2; i++) {
      pairs[i] = bfloat16Pair(values[2 * i], values[2 * i + 1]);
    }
  } else if constexpr (COUNT % 2 == 0 && TYPE == E4M3) {
    unsigned short* pairs = reinterpret_cast<unsigned short*>(packet.bits);
#pragma unroll
    for (int i = 0; i < COUNT / 2; i++) {
      pairs[i] = e4m3Pair(values[2 * i], values[2 * i + 1]);
    }
  } else {
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
      packet.bits[i] = fromFloat<TYPE>(values[i]);
    }
  }
  packet.store(base, index);
}

// A row of COLUMNS values over the THREADS threads of a block: thread t holds vectors t, t + THREADS
// and so on, so that neighbouring threads touch neighbouring memory. What lies beyond the row is 0.
template <int COLUMNS, int VECTOR, int THREADS>
struct Row {
  static constexpr int VECTORS = COLUMNS / VECTOR;
  static constexpr int EACH = (VECTORS + THREADS - 1) / THREADS;
  static_assert(COLUMNS % VECTOR == 0, "vectors must tile the row");

  float values[EACH][VECTOR];

  __device__ __forceinline__ static int column(int each) {
    return (each * THREADS + static_cast<int>(threadIdx.x)) * VECTOR;
  }

  __device__ __forceinline__ static bool holds(int each) {
    return VECTORS % THREADS == 0 || column(each) < COLUMNS;
  }

  template <int TYPE>
  __device__ __forceinline__ void read(const void* base, int64 start) {
#pragma unroll
    for (int e = 0; e < EACH; e++) {
      if (holds(e)) {
        load<TYPE, VECTOR>(base, start + column(e), values[e]);
      } else {
#pragma unroll
        for (int i = 0; i < VECTOR; i++) {
          values[e][i] = 0.0f;
        }
      }
    }
  }

  __device__ __forceinline__ float sum() const {
    float total = 0.0f;
#pragma unroll
    for (int e = 0; e < EACH; e++) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        total += values[e][i];
      }
    }
    return total;
  }

  // The sum of squared distances from a centre.
  __device__ __forceinline__ float squares(float centre) const {
    float total = 0.0f;
#pragma unroll
    for (int e = 0; e < EACH; e++) {
      if (holds(e)) {
#pragma unroll
        for (int i = 0; i < VECTOR; i++) {
          float distance = values[e][i] - centre;
          total += distance * distance;
        }
      }
    }
    return total;
  }

  // Rounds to an element type.
  template <int TYPE>
  __device__ __forceinline__ void round() {
#pragma unroll
    for (int e = 0; e < EACH; e++) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        values[e][i] = toFloat<TYPE>(fromFloat<TYPE>(values[e][i]));
      }
    }
  }

  // The largest magnitude; NaN is passed over.
  __device__ __forceinline__ float largest() const {
    float most = 0.0f;
#pragma unroll
    for (int e = 0; e < EACH; e++) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        most = fmaxf(most, fabsf(values[e][i]));
      }
    }
    return most;
  }
};

// The numbers by which the host half names activations (ElementType.java).
constexpr int LEAKY_RELU = 4;
constexpr int SILU = 3;
constexpr int GELU_ERF = 2;
constexpr int GELU_TANH = 1;

__device__ __forceinline__ float geluTanh(float x) {
  return 0.5f * x * (1.0f + tanhf(0.7978845608028654f * (x + 0.044715f * x * x * x)));
}

template <int FUNCTION>
__device__ __forceinline__ float activate(float x) {
  if constexpr (FUNCTION == SILU) {
    return __fdividef(x, 1.0f + __expf(-x)); // within 4e-7 of the exact function
  } else if constexpr (FUNCTION == GELU_ERF) {
    return 0.5f * x * (1.0f + erff(x * 0.7071067811865476f));
  } else if constexpr (FUNCTION == GELU_TANH) {
    return geluTanh(x);
  } else if constexpr (FUNCTION == LEAKY_RELU) {
    return fmaxf(x, 0.2f * x);
  } else {
    return x;
  }
}
