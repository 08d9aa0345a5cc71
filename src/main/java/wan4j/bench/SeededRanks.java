package wan4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.Ranks;
import wan4j.bench.random.RandomConditions;
import wan4j.bench.random.RandomWeights;
import wan4j.engine.RankPart;
import wan4j.model.BlockRun;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;
import wan4j.verify.Comparison;
import wan4j.verify.Verifier;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;

/// Networks of two layers with random weights and as many heads as the tasks' have, of which
/// reference cases have too few for many ranks: what ranks make in a forward that they share,
/// against one rank.
public final class SeededRanks {
  /// The kind of the results.
  public static final String KIND = "ranks";

  private static final long SEED = 1;
  private static final int LAYERS = 2;
  private static final int SPEECH_SIZE = 16; // of the latents, so that a frame has many tokens
  private static final SpeechConfig SPEECH =
      new SpeechConfig(3, 16, 4, Map.of(0, 0, 1, 1), true, SpeechConfig.Packing.WHOLE);

  private SeededRanks() {}

  /// A network and what it sees.
  ///
  /// @param name of the task
  /// @param type of the network
  /// @param channels of latents
  /// @param heads of attention
  private record Network(String name, String type, int channels, int heads) {
    /// Returns its sizes with heads of so many elements.
    TransformerConfig config(int headSize) {
      return new TransformerConfig(
          type,
          channels,
          channels,
          heads * headSize,
          96,
          32,
          24,
          7,
          heads,
          LAYERS,
          1,
          2,
          2,
          1e-6,
          type.equals("s2v") ? SPEECH : null);
    }
  }

  private static final List<Network> NETWORKS =
      List.of(
          new Network("t2v-A14B", "t2v", 16, 40),
          new Network("ti2v-5B", "t2v", 48, 24),
          new Network("s2v-14B", "s2v", 16, 40));

  /// Has ranks share a forward of each network whose heads they divide, and tells the first one's
  /// results; throws as the ranks of `verify` do.
  public static void run(
      Device device, Arithmetic arithmetic, Ranks ranks, Consumer<Verifier.Result> report) {
    RankPart.together(device, arithmetic, ranks, part -> run(part, device, arithmetic, report));
  }

  private static void run(
      RankPart part, Device device, Arithmetic arithmetic, Consumer<Verifier.Result> report) {
    for (Network network : NETWORKS) {
      Verifier.Result result;
      String name = "%s, %d heads".formatted(network.name, network.heads);
      if (part.divides(network.heads)) {
        TransformerConfig config = network.config(device == Device.CPU ? 8 : 64);
        Tensor alone = forward(part.ops(), SequenceGroup.SOLO, config);
        Tensor made = forward(part.ops(), part.group(), config);
        Comparison comparison =
            Comparison.relative("velocity", made, alone, tolerance(device, arithmetic));
        result = new Verifier.Result.Compared(KIND, name, new ArrayList<>(List.of(comparison)));
      } else {
        result =
            new Verifier.Result.Undivided("%s of %d heads".formatted(KIND, network.heads), name);
      }
      if (part.isFirst()) {
        report.accept(result);
      }
    }
  }

  /// Returns what other orders of sums explain, and rounding to bfloat16.
  private static double tolerance(Device device, Arithmetic arithmetic) {
    if (device == Device.CPU) {
      return 1e-5;
    }
    return switch (arithmetic) {
      case BFLOAT16, BFLOAT16_RESIDUAL -> 5e-3;
      case TF32 -> 1e-3;
      case FLOAT32 -> 1e-5;
    };
  }

  private static Tensor forward(Ops ops, SequenceGroup group, TransformerConfig config) {
    PrecisionTable table = PrecisionTable.of(Precision.PLAIN, List.of());
    try (DiffusionNetwork network =
            DiffusionNetwork.load(
                config, RandomWeights.transformer(config, SEED), ops, group, table);
        var _ = ops.scope()) {
      boolean isSpeech = config.speech() != null;
      // 3 x 3 x 5 tokens, which few numbers of ranks divide
      int rows = isSpeech ? SPEECH_SIZE : 6;
      int columns = isSpeech ? SPEECH_SIZE : 10;
      Tensor sample = ops.upload(waves(config.outChannels(), 3, rows, columns), DType.F32);
      Conditions conditions = RandomConditions.of(ops, config, sample.shape(), true);
      DiffusionNetwork.Prepared prepared = network.prepare(sample.shape(), conditions);
      network.read(conditions, Branch.CONDITIONAL, prepared);
      ForwardPass pass = new ForwardPass(Branch.CONDITIONAL, 0, 1);
      return ops.download(network.forward(sample, 500, pass, prepared, BlockRun.ALWAYS));
    }
  }

  private static Tensor waves(int... sizes) {
    int count = 1;
    long[] shape = new long[sizes.length];
    for (int axis = 0; axis < sizes.length; axis++) {
      shape[axis] = sizes[axis];
      count *= sizes[axis];
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) Math.sin(0.7 * i);
    }
    return Tensor.of(values, shape);
  }
}
