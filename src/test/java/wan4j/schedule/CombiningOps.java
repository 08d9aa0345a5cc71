package wan4j.schedule;

import java.lang.foreign.ValueLayout;
import java.lang.reflect.Proxy;
import java.util.List;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// A waist that can combine and compare host tensors, and nothing else.
public final class CombiningOps {
  private int allocations;

  /// Returns the waist.
  public Ops ops() {
    return (Ops)
        Proxy.newProxyInstance(
            Ops.class.getClassLoader(),
            new Class<?>[] {Ops.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "empty" -> empty((DType) arguments[0], (long[]) arguments[1]);
                  case "linearCombination" ->
                      combine(
                          (Tensor) arguments[0], (double[]) arguments[1], (List<?>) arguments[2]);
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  /// Returns how many tensors were made.
  public int allocations() {
    return allocations;
  }

  private Tensor empty(DType dtype, long[] sizes) {
    if (dtype != DType.F32) {
      throw new IllegalArgumentException("got " + dtype + ", not F32");
    }
    allocations++;
    int count = 1;
    for (long size : sizes) {
      count *= (int) size;
    }
    float[] values = new float[count];
    java.util.Arrays.fill(values, Float.NaN);
    return Tensor.of(values, sizes);
  }

  private static Object combine(Tensor target, double[] coefficients, List<?> terms) {
    float[][] values =
        terms.stream().map(term -> ((Tensor) term).toFloats()).toArray(float[][]::new);
    for (int i = 0; i < target.count(); i++) {
      float sum = (float) coefficients[0] * values[0][i];
      for (int t = 1; t < values.length; t++) {
        sum += (float) coefficients[t] * values[t][i];
      }
      target.segment().setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, sum);
    }
    return null;
  }
}
