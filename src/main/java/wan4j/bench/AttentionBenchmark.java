package wan4j.bench;

import java.util.List;
import java.util.Map;
import wan4j.ops.Heads;
import wan4j.ops.OperandFormat;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.tensor.InputException;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Self-attention alone.
public final class AttentionBenchmark {
  private static final int SIZE = 128;

  private AttentionBenchmark() {}

  /// Measures attention of heads of 128 over a number of tokens.
  public static List<Measurement> run(Workbench bench, int tokens, int heads) {
    if (tokens < 1 || heads < 1) {
      throw new InputException(
          "got %d tokens and %d heads; give 1 or more of both".formatted(tokens, heads));
    }
    bench.requireNoRecipe("attention");
    Ops ops = bench.ops();
    Map<String, Object> parameters = bench.parameters();
    parameters.put("tokens", tokens);
    parameters.put("heads", heads);
    parameters.put("head size", SIZE);
    try (Parameters inputs = ops.parameters()) {
      Heads random =
          new Heads(
              random(inputs, ops, tokens, heads, 1),
              random(inputs, ops, tokens, heads, 2),
              random(inputs, ops, tokens, heads, 3));
      double[] times =
          bench
              .times(() -> {
                try (var _ = ops.scope()) {
                  ops.attention(random, 1 / Math.sqrt(SIZE), OperandFormat.Simple.PLAIN);
                }
              })[0];
      double operations = 4.0 * tokens * tokens * heads * SIZE;
      return List.of(
          Measurement.of("attention", parameters, "time", "ms", times),
          Measurement.of(
              "attention", parameters, "rate", "TFLOP/s", Workbench.rates(operations, times)));
    }
  }

  private static Tensor random(Parameters inputs, Ops ops, int tokens, int heads, long seed) {
    return inputs.tensor(
        new RandomSource("heads", Shape.of(tokens, heads, SIZE), seed << 56, 0, 1),
        ops.activation());
  }
}
