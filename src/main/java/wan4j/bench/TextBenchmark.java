package wan4j.bench;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import wan4j.bench.measure.Measurement;
import wan4j.bench.random.RandomWeights;
import wan4j.bench.random.UmT5Sizes;
import wan4j.model.UmT5Encoder;
import wan4j.ops.Ops;
import wan4j.tensor.InputException;

/// Encoding of prompts by umT5-XXL.
public final class TextBenchmark {
  private TextBenchmark() {}

  /// Measures a number of prompts of some tokens each, on the first `layers` of the encoder.
  public static List<Measurement> run(Workbench bench, int tokens, int prompts, int layers) {
    if (tokens < 1 || prompts < 1 || layers < 1 || layers > UmT5Sizes.LAYERS) {
      throw new InputException(
          "got %d tokens, %d prompts and %d layers; give 1 or more, and at most %d layers"
              .formatted(tokens, prompts, layers, UmT5Sizes.LAYERS));
    }
    bench.requireNoRecipe("text");
    Ops ops = bench.ops();
    Map<String, Object> parameters = bench.parameters();
    parameters.put("task", "any"); // all have the same text encoder
    parameters.put("share", 1);
    parameters.put("attention", bench.attention(UmT5Sizes.HEAD_SIZE, true));
    parameters.put("network", "umT5-XXL");
    parameters.put("tokens", tokens);
    parameters.put("prompts", prompts);
    parameters.put("layers", layers);
    int[] ids = ids(tokens);
    try (UmT5Encoder encoder = new UmT5Encoder(RandomWeights.umT5(layers), ops)) {
      return bench.measure(
          "text",
          parameters,
          () -> {
            for (int i = 0; i < prompts; i++) {
              try (var _ = ops.scope()) {
                encoder.encode(ids, tokens);
              }
            }
          });
    }
  }

  /// Returns token ids that are spread over the vocabulary.
  static int[] ids(int tokens) {
    return IntStream.range(0, tokens).map(i -> (int) (i * 2_654_435_761L % 256_000)).toArray();
  }
}
