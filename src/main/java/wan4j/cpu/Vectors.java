package wan4j.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import wan4j.ops.Activation;
import wan4j.tensor.BFloat16;

/// Loads, stores and functions of float32 vectors in host memory; indices count elements.
final class Vectors {
  /// The widest vector of this machine.
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

  /// Its number of elements.
  static final int LANES = SPECIES.length();

  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final VectorSpecies<Integer> INTEGERS = IntVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Short> HALVES =
      VectorSpecies.of(short.class, VectorShape.forBitSize(INTEGERS.vectorBitSize() / 2));
  private static final float LOG2_E = 1.442695f;
  private static final float ROUNDER = 12582912f; // adding it rounds to an integer
  private static final int ROUNDER_BITS = Float.floatToRawIntBits(ROUNDER);
  private static final float ROOT = (float) Math.sqrt(2 / Math.PI);

  private Vectors() {}

  /// Returns the lanes that are left at the end of a row, `count` of them, at most a vector.
  static VectorMask<Float> mask(int count) {
    return SPECIES.indexInRange(0, count);
  }

  static FloatVector load(MemorySegment segment, long index) {
    return FloatVector.fromMemorySegment(SPECIES, segment, index * 4, ORDER);
  }

  static FloatVector load(MemorySegment segment, long index, VectorMask<Float> mask) {
    return FloatVector.fromMemorySegment(SPECIES, segment, index * 4, ORDER, mask);
  }

  static void store(FloatVector vector, MemorySegment segment, long index) {
    vector.intoMemorySegment(segment, index * 4, ORDER);
  }

  static void store(FloatVector vector, MemorySegment segment, long index, VectorMask<Float> mask) {
    vector.intoMemorySegment(segment, index * 4, ORDER, mask);
  }

  /// Widens `count` bfloat16 elements to float32.
  static void widen(MemorySegment source, MemorySegment target, long count) {
    long bound = count - count % LANES;
    for (long i = 0; i < bound; i += LANES) {
      ShortVector halves = ShortVector.fromMemorySegment(HALVES, source, i * 2, ORDER);
      IntVector bits =
          (IntVector) halves.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTEGERS, 0);
      bits.lanewise(VectorOperators.LSHL, 16).intoMemorySegment(target, i * 4, ORDER);
    }
    for (long i = bound; i < count; i++) {
      short bits = source.get(ValueLayout.JAVA_SHORT_UNALIGNED, i * 2);
      Floats.set(target, i, BFloat16.toFloat(bits));
    }
  }

  /// The function that follows a linear layer.
  static FloatVector apply(Activation activation, FloatVector x) {
    return switch (activation) {
      case NONE -> x;
      case GELU_TANH -> gelu(x);
      case GELU_ERF -> errorGelu(x);
      case SILU -> silu(x);
      case LEAKY_RELU -> x.max(x.mul(0.2f));
    };
  }

  /// GELU in its tanh form, written with (1 + tanh u) / 2 = 1 / (1 + exp(-2 u)).
  static FloatVector gelu(FloatVector x) {
    FloatVector inner = x.mul(x).mul(0.044715f).add(1f).mul(x).mul(-2 * ROOT);
    return x.div(exponential(inner).add(1f));
  }

  /// x / (1 + exp(-x)).
  static FloatVector silu(FloatVector x) {
    return x.div(exponential(x.neg()).add(1f));
  }

  /// exp(x) within [-87, 88], and the value at the nearer end outside. The polynomial is that of
  /// expf in the Cephes library. The API's own exponential is another function before and after
  /// compilation, so its results would depend on timing.
  static FloatVector exponential(FloatVector x) {
    FloatVector bounded = x.max(-87f).min(88f);
    FloatVector shifted = bounded.mul(LOG2_E).add(ROUNDER);
    FloatVector power = shifted.sub(ROUNDER);
    FloatVector rest = power.mul(-355f / 512f).add(bounded);
    rest = power.mul(2.1219444e-4f).add(rest);
    FloatVector sum = rest.mul(1.9875691e-4f).add(0.0013981999f);
    sum = sum.mul(rest).add(0.008333452f);
    sum = sum.mul(rest).add(0.041665796f);
    sum = sum.mul(rest).add(0.16666666f);
    sum = sum.mul(rest).add(0.5f);
    sum = sum.mul(rest).mul(rest).add(rest).add(1f);
    IntVector exponent = shifted.reinterpretAsInts().sub(ROUNDER_BITS - 127);
    return sum.mul(exponent.lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats());
  }

  /// Returns the sum of the lanes, first to last.
  static double sum(FloatVector x) {
    double sum = 0;
    for (float lane : x.toArray()) {
      sum += lane;
    }
    return sum;
  }

  /// GELU in its exact form: erfc(u) is exp(-u²) t times a polynomial of t = 1 / (1 + u / 2),
  /// within 1.2e-7 of it (Press and others, Numerical Recipes, `erfcc`).
  private static FloatVector errorGelu(FloatVector x) {
    FloatVector u = x.abs().mul((float) Math.sqrt(0.5));
    FloatVector t = FloatVector.broadcast(SPECIES, 1f).div(u.mul(0.5f).add(1f));
    FloatVector sum = t.mul(0.17087276f).add(-0.82215226f);
    sum = sum.mul(t).add(1.4885159f);
    sum = sum.mul(t).add(-1.135204f);
    sum = sum.mul(t).add(0.27886808f);
    sum = sum.mul(t).add(-0.18628806f);
    sum = sum.mul(t).add(0.09678418f);
    sum = sum.mul(t).add(0.37409195f);
    sum = sum.mul(t).add(1.0000237f);
    sum = sum.mul(t).add(-1.2655122f);
    // half of erfc, of which the positive side of x takes the rest to one
    FloatVector tail = exponential(sum.sub(u.mul(u))).mul(t).mul(0.5f);
    FloatVector share = tail.blend(tail.neg().add(1f), x.compare(VectorOperators.GT, 0f));
    return x.mul(share);
  }
}
