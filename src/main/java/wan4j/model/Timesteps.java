package wan4j.model;

import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// The timesteps of a forward: the distinct ones, and for every token which of them it has. A
/// timestep that all tokens share is embedded once.
@SuppressWarnings("ArrayRecordComponent") // read by one forward, never compared
public record Timesteps(double[] distinct, Tensor rows) {
  /// Returns the row indices of tokens that all share one timestep: int32 zeros `[tokens]` on the
  /// backend.
  public static Tensor sharedRows(Ops ops, int tokens) {
    return ops.upload(Tensor.of(new int[tokens], tokens), DType.I32);
  }

  /// Returns the sinusoid of each distinct timestep as float32 `[distinct, size]`: cosines, then
  /// sines, computed in float64.
  Tensor sinusoid(int size) {
    int half = size / 2;
    float[] table = new float[distinct.length * size];
    for (int group = 0; group < distinct.length; group++) {
      for (int i = 0; i < half; i++) {
        double angle = distinct[group] * Math.pow(10000.0, -(double) i / half);
        table[group * size + i] = (float) Math.cos(angle);
        table[group * size + half + i] = (float) Math.sin(angle);
      }
    }
    return Tensor.of(table, distinct.length, size);
  }
}
