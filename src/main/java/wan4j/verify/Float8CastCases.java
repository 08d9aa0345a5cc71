package wan4j.verify;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import wan4j.ops.OperandFormat;
import wan4j.quant.Float8Matrix;
import wan4j.quant.Float8Quantizer;
import wan4j.quant.Granularity;
import wan4j.quant.ScaleRule;
import wan4j.tensor.BFloat16;
import wan4j.tensor.Float8;
import wan4j.tensor.Tensor;

/// The parts of FP8 below a recipe: casts of numbers, scales of magnitudes, NaN and infinities.
final class Float8CastCases {
  private Float8CastCases() {}

  /// Turns a float32 number into 8 bits.
  private interface Cast {
    byte of(float value);
  }

  /// Compares the casts of both types from float32 and bfloat16, and the way back.
  static List<Comparison> casts(ReferenceCase reference) {
    int[] bits = reference.tensor("in.f32_bits").toInts();
    float[] floats = new float[bits.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = Float.intBitsToFloat(bits[i]);
    }
    float[] bfloats = new float[1 << 16];
    for (int i = 0; i < bfloats.length; i++) {
      bfloats[i] = BFloat16.toFloat((short) i);
    }
    List<Comparison> comparisons = new ArrayList<>();
    for (boolean isWide : new boolean[] {true, false}) {
      String from = isWide ? "_from_f32" : "_from_bf16";
      float[] values = isWide ? floats : bfloats;
      comparisons.add(cast(reference, "out.e4m3_sat" + from, values, Float8::toE4m3));
      // PyTorch's own cast to E4M3 saturates too
      comparisons.add(cast(reference, "out.e4m3_torch" + from, values, Float8::toE4m3));
      comparisons.add(cast(reference, "out.e5m2_sat" + from, values, Float8::toE5m2));
      comparisons.add(cast(reference, "out.e5m2_torch" + from, values, Float8::toE5m2Unsaturated));
    }
    int[] e4m3 = reference.tensor("out.e4m3_to_float_bits").toInts();
    int[] e5m2 = reference.tensor("out.e5m2_to_float_bits").toInts();
    int wrong = 0;
    for (int i = 0; i < 256; i++) {
      wrong += same(Float8.fromE4m3((byte) i), Float.intBitsToFloat(e4m3[i])) ? 0 : 1;
      wrong += same(Float8.fromE5m2((byte) i), Float.intBitsToFloat(e5m2[i])) ? 0 : 1;
    }
    comparisons.add(Comparison.wrong("to_float_bits", wrong, 512));
    return comparisons;
  }

  private static Comparison cast(ReferenceCase reference, String name, float[] values, Cast cast) {
    Tensor expected = reference.tensor(name);
    boolean isE4m3 = name.contains("e4m3");
    int wrong = 0;
    for (int i = 0; i < values.length; i++) {
      byte bits = expected.segment().get(ValueLayout.JAVA_BYTE, i);
      byte got = cast.of(values[i]);
      boolean bothNan = isNan(bits, isE4m3) && isNan(got, isE4m3);
      wrong += bits == got || bothNan ? 0 : 1;
    }
    return Comparison.wrong(name, wrong, values.length);
  }

  private static boolean isNan(byte bits, boolean isE4m3) {
    return Float.isNaN(isE4m3 ? Float8.fromE4m3(bits) : Float8.fromE5m2(bits));
  }

  private static boolean same(float a, float b) {
    return (Float.isNaN(a) && Float.isNaN(b)) || a == b;
  }

  /// Compares the scales of magnitudes; names of tensors carry the type, the rule and its bounds.
  static List<Comparison> scales(ReferenceCase reference) {
    int[] bits = reference.tensor("in.amax_bits").toInts();
    List<Comparison> comparisons = new ArrayList<>();
    for (String name : reference.tensors()) {
      if (!name.startsWith("out.")) {
        continue;
      }
      boolean isPowerOfTwo = name.contains("pow21");
      float smallest = name.contains("eps0.0001") ? 1e-4f : 0f;
      float overflow = name.contains("inf_bf16max") ? ScaleRule.BLOCK.overflow() : Float.MAX_VALUE;
      float largest = name.contains("e5m2") ? Float8.MAX_E5M2 : Float8.MAX_E4M3;
      ScaleRule rule = new ScaleRule(smallest, isPowerOfTwo, overflow);
      float[] scales = new float[bits.length];
      for (int i = 0; i < bits.length; i++) {
        scales[i] = rule.scale(Float.intBitsToFloat(bits[i]), largest);
      }
      comparisons.add(
          Comparison.exact(name, Tensor.of(scales, scales.length), reference.tensor(name)));
    }
    return comparisons;
  }

  /// Compares a tensor with NaN, and one with infinities too; the sign of a NaN does not count.
  static List<Comparison> specials(ReferenceCase reference, Backend backend) {
    List<Comparison> comparisons = new ArrayList<>();
    for (String kind : List.of("nan_and_inf", "nan_only")) {
      Tensor x = Float8Cases.bfloat16(reference.tensor("in." + kind + "_bits"));
      Float8Matrix got = Float8Quantizer.quantize(x, Granularity.TENSOR, ScaleRule.EXACT);
      float scale = reference.tensor("out." + kind + "_scale").toFloats()[0];
      comparisons.add(
          Comparison.distance(
              "out." + kind + "_scale", got.inverseScales().toFloats()[0], 1 / scale, 0));
      Tensor expected = reference.tensor("out." + kind + "_fp8");
      int wrong = 0;
      for (int i = 0; i < expected.count(); i++) {
        byte a = got.values().segment().get(ValueLayout.JAVA_BYTE, i);
        byte b = expected.segment().get(ValueLayout.JAVA_BYTE, i);
        wrong += a == b || (isNan(a, true) && isNan(b, true)) ? 0 : 1;
      }
      comparisons.add(
          Comparison.wrong("out." + kind + "_fp8", wrong, Math.toIntExact(expected.count())));
      comparisons.addAll(
          Float8OpsCases.operand(
              backend,
              x,
              OperandFormat.Simple.FLOAT8_CURRENT,
              Tensor.of(new float[] {1 / scale}, 1),
              expected));
    }
    return comparisons;
  }
}
