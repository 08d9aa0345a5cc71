package wan4j.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.random.ModelShapes;
import wan4j.bench.random.RandomWeights;
import wan4j.parallel.HeadGroups;
import wan4j.parallel.RankLayout;
import wan4j.tensor.InputException;
import wan4j.weights.TransformerConfig;

/// What a request takes on several GPUs of one host, from what was measured on one: the block as
/// the part of one of N, whole forwards, the other stages, and exchanges. Its assumptions are
/// docs/many-gpus.md's, and part of what it returns.
public final class ManyGpusModel {
  /// Bytes a second at which a rank reorders what it exchanges, a read and a write counted apart;
  /// an H200 has 4.8e12.
  private static final double REORDERING = 3e12;

  private static final double BFLOAT16 = 2; // bytes
  private static final String PLAIN = "wan4j"; // attention that is not in 8 bits

  private final Question question;
  private final List<Measurement> measured;
  private final ExchangeTimes exchanges;
  private final TransformerConfig config;
  private final int tokens;

  private ManyGpusModel(Question question, List<Measurement> measured) {
    this.question = question;
    this.measured = measured;
    exchanges = ExchangeTimes.of(measured);
    config = RandomWeights.config(question.task, 1);
    tokens = ModelShapes.tokens(question.task, question.size).tokens();
  }

  /// What is asked for.
  ///
  /// @param task of the request
  /// @param size of its video
  /// @param recipe the FP8 recipe's spelling, or "none"
  /// @param attention "wan4j" for bf16, or the 8-bit format's spelling
  /// @param layout how ranks divide the request
  /// @param steps of the solver
  /// @param forwards of both branches of guidance that a cache leaves, at most 2 a step
  /// @param overlaps whether heads travel in groups while attention of others computes
  /// @param vaeEfficiency the share of N times the speed that N ranks' encoding and decoding have
  /// @param writing seconds after the last frame until the file is whole
  public record Question(
      Task task,
      VideoSize size,
      String recipe,
      String attention,
      RankLayout layout,
      int steps,
      int forwards,
      boolean overlaps,
      double vaeEfficiency,
      double writing) {
    /// Asks for a guided request on so many GPUs, of which `sequence` share a forward, or 0 where
    /// it is divided as `generate` divides it.
    public static Question of(
        Task task,
        VideoSize size,
        String recipe,
        String attention,
        int gpus,
        int sequence,
        int steps,
        int forwards,
        Shares shares) {
      int heads = RandomWeights.config(task, 1).heads();
      RankLayout layout = RankLayout.of(new RankLayout.Wish(gpus, sequence, null), heads, true);
      return new Question(
          task,
          size,
          recipe,
          attention,
          layout,
          steps,
          forwards,
          shares.overlaps,
          shares.vaeEfficiency,
          shares.writing);
    }

    /// Throws `InputException` for numbers that cannot be.
    public Question {
      if (forwards < 1 || forwards > 2 * steps) {
        throw new InputException(
            "--forwards got %d; give 1 to %d, two a step".formatted(forwards, 2 * steps));
      }
      if (!(vaeEfficiency > 0 && vaeEfficiency <= 1)) {
        throw new InputException(
            "--vae_efficiency got %s; give a share from 0 to 1".formatted(vaeEfficiency));
      }
    }
  }

  /// What is assumed: see [Question].
  public record Shares(boolean overlaps, double vaeEfficiency, double writing) {}

  /// Predicts a request; throws `InputException` where a measurement that it needs is missing.
  public static List<Measurement> predict(Question question, List<Measurement> measured) {
    return new ManyGpusModel(question, measured).predict();
  }

  private List<Measurement> predict() {
    int ranks = question.layout.ranks();
    double block = blockTime();
    double before = exchangeTime(false);
    double beside = exchangeTime(true);
    double exchange = question.overlaps ? beside : before;
    double forward = (block + exchange) * layers() * forwardFactor() / 1e3;
    double denoise = forward * question.forwards / question.layout.branches();
    double vae = ranks * (ranks == 1 ? 1 : question.vaeEfficiency);
    double text = stage("text");
    double conditioning = stage("conditioning") / vae;
    double noise = stage("noise");
    double decode = stage("decode") / vae;
    Map<String, Object> parameters = parameters();
    List<Measurement> results = new ArrayList<>();
    results.add(Measurement.of("prediction", parameters, "block", "ms", block));
    results.add(Measurement.of("prediction", parameters, "exchange of a block", "ms", before));
    results.add(
        Measurement.of(
            "prediction", parameters, "exchange, share of a block", "%", 100 * before / block));
    results.add(
        Measurement.of(
            "prediction", parameters, "exchange of a block beside attention", "ms", beside));
    results.add(
        Measurement.of(
            "prediction",
            parameters,
            "exchange beside attention, share of a block",
            "%",
            100 * beside / block));
    results.add(Measurement.of("prediction", parameters, "forward", "s", forward));
    results.add(Measurement.of("prediction", parameters, "text", "s", text));
    results.add(Measurement.of("prediction", parameters, "conditioning", "s", conditioning));
    results.add(Measurement.of("prediction", parameters, "denoise", "s", denoise));
    results.add(Measurement.of("prediction", parameters, "decode", "s", decode));
    results.add(
        Measurement.of(
            "prediction",
            parameters,
            "total",
            "s",
            text + conditioning + noise + denoise + decode + question.writing));
    return results;
  }

  private Map<String, Object> parameters() {
    Map<String, Object> parameters = new LinkedHashMap<>();
    RankLayout layout = question.layout;
    parameters.put("gpus", layout.ranks());
    parameters.put("layout", "%d x %d".formatted(layout.branches(), layout.sequence()));
    parameters.put("task", question.task.spelling());
    parameters.put("recipe", question.recipe);
    parameters.put("attention", question.attention);
    parameters.put("size", question.size.sides());
    parameters.put("frames", question.size.frames());
    parameters.put("steps", question.steps);
    parameters.put("forwards", question.forwards);
    parameters.put(
        "shares measured",
        String.join(" ", shares().keySet().stream().map(String::valueOf).toList()));
    parameters.put("exchange", exchanges.source());
    parameters.put("exchanges", question.overlaps ? "beside attention" : "before and after");
    parameters.put("VAE's efficiency", question.vaeEfficiency);
    parameters.put("writing", question.writing);
    return parameters;
  }

  /// Returns the milliseconds of a block by the number of ranks of whose share they are.
  private NavigableMap<Integer, Double> shares() {
    NavigableMap<Integer, Double> times = new TreeMap<>();
    measured.stream()
        .filter(isOf("block", "time"))
        .filter(result -> question.attention.equals(result.parameters().get("attention")))
        .filter(result -> "fp32".equals(result.parameters().get("residual")))
        .forEach(result -> times.put(share(result), result.median()));
    if (times.isEmpty()) {
      throw new InputException(
          "--from has no block of %s %s with %d frames, recipe %s and attention %s; measure it with bench block --share N"
              .formatted(
                  question.task.spelling(),
                  question.size.sides(),
                  question.size.frames(),
                  question.recipe,
                  question.attention));
    }
    return times;
  }

  private Predicate<Measurement> isOf(String benchmark, String metric) {
    return result ->
        result.benchmark().equals(benchmark)
            && result.metric().equals(metric)
            && question.task.spelling().equals(result.parameters().get("task"))
            && question.recipe.equals(result.parameters().get("recipe"))
            && question.size.sides().equals(result.parameters().get("size"))
            && Integer.valueOf(question.size.frames()).equals(result.parameters().get("frames"));
  }

  private static int share(Measurement result) {
    return result.parameters().get("share") instanceof Integer share ? share : 1;
  }

  /// Returns the milliseconds of a rank's block: between two measured shares the sum of all ranks'
  /// times is taken in proportion, beyond them it stays as it is.
  private double blockTime() {
    int ranks = question.layout.sequence();
    NavigableMap<Integer, Double> shares = shares();
    Map.Entry<Integer, Double> below = shares.floorEntry(ranks);
    Map.Entry<Integer, Double> above = shares.ceilingEntry(ranks);
    Map.Entry<Integer, Double> low = below == null ? above : below;
    Map.Entry<Integer, Double> high = above == null ? below : above;
    double least = low.getKey() * low.getValue();
    double most = high.getKey() * high.getValue();
    int width = high.getKey() - low.getKey();
    double weight = width == 0 ? 0 : (double) (ranks - low.getKey()) / width;
    return (least + weight * (most - least)) / ranks;
  }

  /// Returns the milliseconds that is waited for the exchanges of a block: for queries, keys and
  /// values as attention takes them, then for its output in bf16; or only for the first group's way
  /// in and the last one's way back. Each is reordered once.
  private double exchangeTime(boolean isBeside) {
    int ranks = question.layout.sequence();
    if (ranks == 1) {
      return 0;
    }
    double width = config.heads() * config.headDim();
    double own = Math.ceilDiv(tokens, ranks) * width / 1e6; // elements of this rank's, in millions
    double inputBytes = 3 * (question.attention.equals(PLAIN) ? BFLOAT16 : 1);
    double input = own * inputBytes;
    double output = own * BFLOAT16;
    double toOthers = (double) (ranks - 1) / ranks;
    double reordering = 2 * (input + output) * 1e6 / REORDERING * 1e3;
    int heads = config.heads() / ranks;
    List<Integer> groups =
        isBeside
            ? new HeadGroups(
                    heads, config.headDim(), tokens, ranks, (int) inputBytes, (int) BFLOAT16)
                .sizes()
            : List.of(heads);
    double first = (double) groups.getFirst() / heads;
    double last = (double) groups.getLast() / heads;
    return exchanges.of(input * toOthers * first)
        + exchanges.of(output * toOthers * last)
        + reordering;
  }

  private int layers() {
    return RandomWeights.layers(question.task);
  }

  /// Returns by how much a whole forward was longer than its blocks, 1 where none was measured.
  private double forwardFactor() {
    return measured.stream()
        .filter(isOf("forward", "time"))
        .filter(result -> PLAIN.equals(result.parameters().get("attention")))
        .filter(result -> plainBlock(share(result)) > 0)
        .mapToDouble(result -> result.median() / (layers() * plainBlock(share(result))))
        .reduce((_, last) -> last)
        .orElse(1);
  }

  private double plainBlock(int share) {
    return measured.stream()
        .filter(isOf("block", "time"))
        .filter(result -> PLAIN.equals(result.parameters().get("attention")))
        .filter(result -> share(result) == share)
        .mapToDouble(Measurement::median)
        .reduce((_, last) -> last)
        .orElse(0);
  }

  /// Returns the seconds of a stage of a whole request on one GPU, in any precision.
  private double stage(String name) {
    return measured.stream()
        .filter(result -> result.benchmark().equals("generate") && result.metric().equals(name))
        .filter(result -> question.task.spelling().equals(result.parameters().get("task")))
        .filter(result -> question.size.sides().equals(result.parameters().get("size")))
        .filter(result -> Integer.valueOf(1).equals(result.parameters().get("gpus")))
        .mapToDouble(Measurement::median)
        .reduce((_, last) -> last)
        .orElseThrow(() ->
            new InputException(
                "--from has no stage \"%s\" of a request of %s %s on one GPU; measure it with bench generate"
                    .formatted(name, question.task.spelling(), question.size.sides())));
  }
}
