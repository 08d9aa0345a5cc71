package wan4j.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.bench.random.RandomConditions;
import wan4j.bench.random.RandomWeights;
import wan4j.model.BlockRun;
import wan4j.model.Conditions;
import wan4j.model.DiffusionNetwork;
import wan4j.model.UmT5Encoder;
import wan4j.ops.ForwardPass;
import wan4j.ops.Ops;
import wan4j.ops.SequenceGroup;
import wan4j.ops.WeightSharing;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.quant.PrecisionTable;
import wan4j.schedule.noise.Noise;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.SpeechConfig;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// Networks whose weights ranks share give the bytes of one rank that has read everything itself,
/// on every backend, whether each rank has all weights or its part of the blocks.
public abstract class SharedWeightsContract {
  private static final Duration LIMIT = Duration.ofMinutes(2);

  /// Returns a new backend for a rank, which the process's end closes.
  protected abstract Ops ops(int rank);

  /// What a rank has made.
  ///
  /// @param values all elements of the velocities, one forward after another
  /// @param bytes those of its weights
  record Made(List<float[]> values, long bytes) {}

  @ParameterizedTest
  @CsvSource({
    // network, precision, ranks, blocks
    "t2v, PLAIN, 2, 6",
    "t2v, FLOAT8_DELAYED, 2, 5",
    "t2v, FLOAT8_TOKEN, 3, 4",
    "i2v, FLOAT8_BLOCK, 4, 6",
    "t2v, FLOAT8_CURRENT, 5, 3",
    "t2v, FLOAT8_TOKEN, 8, 9",
    "s2v, FLOAT8_CURRENT, 2, 2",
  })
  void ranksGiveTheBytesOfOne(String type, Precision precision, int ranks, int blocks) {
    TransformerConfig config = config(type, blocks);
    Made alone = made(ops(0), config, precision, WeightSharing.NONE);
    for (boolean isSharded : new boolean[] {false, true}) {
      for (Made one : together(ranks, isSharded, config, precision)) {
        for (int i = 0; i < one.values.size(); i++) {
          assertThat(one.values.get(i)).isEqualTo(alone.values.get(i));
        }
      }
    }
  }

  List<Made> together(int ranks, boolean isSharded, TransformerConfig config, Precision precision) {
    List<Runnable> later = new ArrayList<>();
    List<Made> all =
        Ranks.run(
            ranks,
            LIMIT,
            (meeting, rank) -> {
              Ops ops = ops(rank);
              return made(ops, config, precision, sharing(ops, meeting, rank, isSharded, later));
            });
    later.forEach(Runnable::run);
    return all;
  }

  /// Returns a rank's share, whose memory is freed when all ranks are done.
  private static WeightSharing sharing(
      Ops ops, Meeting meeting, int rank, boolean isSharded, List<Runnable> later) {
    return new MeetingSharing(
        meeting,
        rank,
        isSharded,
        free -> {
          synchronized (later) {
            later.add(() -> {
              ops.claim(); // by the test's own thread
              free.run();
            });
          }
        });
  }

  static Made made(Ops ops, TransformerConfig config, Precision precision, WeightSharing sharing) {
    Shape shape = Shape.of(config.outChannels(), 3, 4, 4);
    PrecisionTable table = PrecisionTable.of(precision, List.of("blocks.1.ffn.2"));
    List<float[]> values = new ArrayList<>();
    try (DiffusionNetwork network =
            DiffusionNetwork.load(
                config,
                RandomWeights.transformer(config, 1),
                ops,
                SequenceGroup.SOLO,
                table,
                sharing);
        var _ = ops.scope()) {
      Conditions conditions = RandomConditions.of(ops, config, shape, true);
      DiffusionNetwork.Prepared prepared = network.prepare(shape, conditions);
      network.read(conditions, Branch.CONDITIONAL, prepared);
      for (int step = 0; step < 2; step++) { // the second uses the history of the first
        Tensor noise = Noise.of(Noise.Kind.CPU, step).randn(shape);
        Tensor velocity =
            network.forward(
                ops.upload(noise, DType.F32),
                900 - 300 * step,
                new ForwardPass(Branch.CONDITIONAL, step, 2),
                prepared,
                BlockRun.ALWAYS);
        values.add(ops.download(velocity).toFloats());
      }
      return new Made(values, network.bytes());
    }
  }

  @Test
  void theFirstRankEncodesTextWithThePartsOfAll() {
    int[] ids = {5, 900, 1, 0};
    float[] alone;
    Ops own = ops(0);
    try (UmT5Encoder encoder = new UmT5Encoder(text(), own);
        var _ = own.scope()) {
      alone = own.download(encoder.encode(ids, 3)).toFloats();
    }
    List<Runnable> later = new ArrayList<>();
    List<float[]> made =
        Ranks.run(
            3,
            LIMIT,
            (meeting, rank) -> {
              Ops ops = ops(rank);
              try (UmT5Encoder encoder =
                      new UmT5Encoder(text(), ops, sharing(ops, meeting, rank, true, later));
                  var _ = ops.scope()) {
                return rank == 0 ? ops.download(encoder.encode(ids, 3)).toFloats() : new float[0];
              }
            });
    later.forEach(Runnable::run);
    assertThat(made.getFirst()).isEqualTo(alone);
  }

  /// A small umT5 of four blocks.
  private static Weights text() {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    add(sources, "token_embedding.weight", 1000, 32);
    add(sources, "norm.weight", 32);
    for (int i = 0; i < 4; i++) {
      String block = "blocks." + i + ".";
      for (String name : List.of("attn.q", "attn.k", "attn.v", "attn.o")) {
        add(sources, block + name + ".weight", 32, 32);
      }
      add(sources, block + "ffn.gate.0.weight", 48, 32);
      add(sources, block + "ffn.fc1.weight", 48, 32);
      add(sources, block + "ffn.fc2.weight", 32, 48);
      add(sources, block + "norm1.weight", 32);
      add(sources, block + "norm2.weight", 32);
      add(sources, block + "pos_embedding.embedding.weight", 32, 4);
    }
    return Weights.of("text", sources);
  }

  private static void add(Map<String, TensorSource> sources, String name, long... sizes) {
    long own = (long) sources.size() << 40;
    sources.put(name, new RandomSource(name, Shape.of(sizes), own, 0, 0.2f));
  }

  @Test
  void aFileThatCannotBeReadEndsTheOthers() {
    TransformerConfig config = config("t2v", 4);
    List<Runnable> later = new ArrayList<>();
    assertThatThrownBy(() ->
            Ranks.run(
                2,
                LIMIT,
                (meeting, rank) -> {
                  Ops ops = ops(rank);
                  return DiffusionNetwork.load(
                      config,
                      damaged(RandomWeights.transformer(config, 1), "blocks.1.ffn.0.weight"),
                      ops,
                      SequenceGroup.SOLO,
                      PrecisionTable.of(Precision.PLAIN, List.of()),
                      sharing(ops, meeting, rank, true, later));
                }))
        .satisfiesAnyOf(
            e -> assertThat(e).isInstanceOf(InputException.class).hasMessage("the disk is gone"),
            e -> assertThat(e).isInstanceOf(RankException.class).hasMessageContaining("disk"));
    later.forEach(Runnable::run);
  }

  private static Weights damaged(Weights whole, String name) {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    whole.names().forEach(other -> sources.put(other, whole.tensor(other)));
    TensorSource there = sources.get(name);
    sources.put(
        name,
        new TensorSource() {
          @Override
          public String name() {
            return name;
          }

          @Override
          public Shape shape() {
            return there.shape();
          }

          @Override
          public DType dtype() {
            return there.dtype();
          }

          @Override
          public void read(long offset, MemorySegment target) {
            throw new InputException("the disk is gone");
          }
        });
    return Weights.of("damaged", sources);
  }

  static TransformerConfig config(String type, int blocks) {
    int inputs = type.equals("i2v") ? 36 : 16;
    SpeechConfig speech =
        type.equals("s2v")
            ? new SpeechConfig(3, 16, 4, Map.of(0, 0, 1, 1), true, SpeechConfig.Packing.WHOLE)
            : null;
    return new TransformerConfig(
        type, inputs, 16, 64, 160, 32, 24, 7, 4, blocks, 1, 2, 2, 1e-6, speech);
  }
}
