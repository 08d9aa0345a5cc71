package wan4j.bench;

import java.util.Locale;
import java.util.Map;
import wan4j.AttentionSettings.Attention;
import wan4j.CacheSettings;
import wan4j.EngineOptions.Recording;
import wan4j.Ranks;
import wan4j.Sampling;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.random.RandomWeights;
import wan4j.engine.RankTeam;
import wan4j.engine.SamplingPlans;
import wan4j.parallel.RankLayout;
import wan4j.pipeline.Experts;
import wan4j.tensor.InputException;
import wan4j.weights.Expert;

/// What `bench generate` runs.
///
/// @param task whose networks
/// @param size of the video
/// @param steps of the request
/// @param measured how many of them are run; the time of the others is extrapolated
/// @param layers blocks of the transformers, 0 for all
/// @param cache which forwards MagCache may skip, or null for none
/// @param parksText whether the text encoder leaves memory once the prompts are encoded
/// @param attention how self-attention computes in every step and layer
/// @param ranks who makes the video together
/// @param recording which forwards a GPU records as CUDA graphs
/// @param loadSeconds how long the device is kept under load before the request
public record RequestSettings(
    Task task,
    VideoSize size,
    int steps,
    int measured,
    int layers,
    CacheSettings cache,
    boolean parksText,
    Attention attention,
    Ranks ranks,
    Recording recording,
    int loadSeconds) {
  private static final int SPEECH_FRAMES = 157; // of two clips

  /// A request that records as `generate` does without a flag, on a device that had nothing to do.
  RequestSettings(
      Task task,
      VideoSize size,
      int steps,
      int measured,
      int layers,
      CacheSettings cache,
      boolean parksText,
      Attention attention,
      Ranks ranks) {
    this(
        task, size, steps, measured, layers, cache, parksText, attention, ranks, Recording.AUTO, 0);
  }

  /// A request on one device.
  RequestSettings(
      Task task,
      VideoSize size,
      int steps,
      int measured,
      int layers,
      CacheSettings cache,
      boolean parksText,
      Attention attention) {
    this(task, size, steps, measured, layers, cache, parksText, attention, Ranks.ALONE);
  }

  /// Throws `InputException` for steps that cannot be measured.
  public RequestSettings {
    if (measured < 1 || measured > steps) {
      throw new InputException(
          "got %d steps and %d measured ones; give 1 or more and at most all"
              .formatted(steps, measured));
    }
    if (!(cache instanceof CacheSettings.Off) && measured < steps) {
      throw new InputException(
          "a cache was given with --steps_measured, but which steps are skipped depends on"
              + " all of them; leave one of the two out");
    }
    if (attention == Attention.CUDNN) {
      throw new InputException(
          "--attention cudnn was given, but bench generate runs wan4j's kernels; leave it out, or"
              + " use bench attention, which measures both");
    }
    if (layers < 0) {
      throw new InputException("--layers got %d; give 1 or more, or 0 for all".formatted(layers));
    }
    if (!ranks.isAlone() && recording == Recording.ALWAYS) {
      throw new InputException(
          "--compile was given with %d GPUs, whose forwards are not recorded; leave it out"
              .formatted(ranks.count()));
    }
    if (loadSeconds < 0 || (loadSeconds > 0 && !ranks.isAlone())) {
      throw new InputException(
          "--load_seconds got %d with %d GPUs; give 0 or more, and one GPU for more than 0"
              .formatted(loadSeconds, ranks.count()));
    }
    layers = RandomWeights.layers(task, layers);
  }

  /// Returns in how many steps, which stand for `steps`, each of a task's experts works `each`
  /// times or more; throws `InputException` where there are not so many.
  public static int measured(Task task, int steps, int each) {
    Experts experts = RandomNetworks.experts(task, RandomWeights.config(task, 1), _ -> null);
    for (int measured = 1; measured <= steps; measured++) {
      Map<Expert, Integer> working =
          SamplingPlans.of(Sampling.of(task, 1).withSteps(measured)).stepsOf(experts);
      if (working.size() == experts.names().size()
          && working.values().stream().allMatch(count -> count >= each)) {
        return measured;
      }
    }
    throw new InputException(
        "--steps_per_expert got %d, which no expert has in %d steps; give fewer"
            .formatted(each, steps));
  }

  /// Returns how the ranks divide the request, which is guided.
  RankLayout layout() {
    return RankTeam.layout(ranks, RandomWeights.config(task, 1).heads(), true);
  }

  /// Says whether the ranks divide the transformers' weights.
  boolean dividesTransformers() {
    return Boolean.TRUE.equals(ranks.shards().transformers());
  }

  /// Says whether the ranks divide the text encoder's weights.
  boolean dividesText() {
    return Boolean.TRUE.equals(ranks.shards().text());
  }

  /// Adds what the results depend on.
  void addTo(Map<String, Object> parameters) {
    if (attention.isNarrow()) {
      parameters.put("attention", attention.spelling());
    }
    if (!ranks.isAlone()) {
      RankLayout layout = layout();
      if (!ranks.sharesGpu()) {
        parameters.put("gpus", ranks.count());
      }
      parameters.put("ranks", ranks.count());
      parameters.put("layout", "%d x %d".formatted(layout.branches(), layout.sequence()));
      if (ranks.overlapsExchange()) {
        parameters.put("exchange", "beside attention");
      }
    }
    if (dividesTransformers() || dividesText()) {
      parameters.put(
          "divided weights",
          !dividesText() ? "transformers" : !dividesTransformers() ? "text" : "transformers, text");
    }
    parameters.put("size", size.sides());
    parameters.put("frames", size.frames());
    if (task == Task.S2V_14B) {
      parameters.put("frames", SPEECH_FRAMES);
      parameters.put("clips", 2);
    }
    parameters.put("steps", steps);
    if (measured < steps) {
      parameters.put("steps measured", measured);
    }
    if (loadSeconds > 0) {
      parameters.put("under load before", loadSeconds + " s");
    }
    if (recording != Recording.AUTO) {
      parameters.put("compile", recording == Recording.ALWAYS ? "True" : "False");
    }
    if (layers != RandomWeights.layers(task)) {
      parameters.put("layers", layers);
    }
    parameters.put("cache", name(cache));
    if (parksText) {
      parameters.put("text encoder", "parked");
    }
  }

  /// The settings in the notation of MagCache's authors: E024K2R10 for a threshold of 0.24, two
  /// skips in a row and a retention of 0.1.
  private static String name(CacheSettings cache) {
    return switch (cache) {
      case CacheSettings.MagCache magCache ->
          String.format(
              Locale.ROOT,
              "MagCache E%03.0fK%dR%02.0f",
              100 * magCache.threshold(),
              magCache.skips(),
              100 * magCache.retention());
      case CacheSettings.EasyCache easyCache ->
          "EasyCache %s, first %d".formatted(easyCache.threshold(), easyCache.retained());
      case CacheSettings.Off _, CacheSettings.Calibration _ -> "none";
    };
  }
}
