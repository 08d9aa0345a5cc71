package wan4j.verify;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import wan4j.cache.MagCache;
import wan4j.cache.MagCacheSchedule;
import wan4j.cache.MagCacheSettings;
import wan4j.cache.MagnitudeRatios;
import wan4j.cache.RetentionRule;
import wan4j.cache.StepCache;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.pipeline.FrameDecoder;
import wan4j.quant.Branch;
import wan4j.tensor.Tensor;
import wan4j.weights.Checkpoint;

/// A request with MagCache: which forwards are skipped, and the result.
final class MagCacheCases implements CaseKind {
  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    if (!reference.has("in.noise")) {
      return new DecisionCases().run(reference, backend);
    }
    Ops ops = backend.ops();
    List<Comparison> comparisons = new ArrayList<>();
    try (var checkpoint = Checkpoint.open(reference.path("checkpoint"));
        var request = new PipelineCases.Request(reference, backend, checkpoint)) {
      PipelineCases.Trace trace = new PipelineCases.Trace(ops);
      SkipRecord[] record = new SkipRecord[1];
      Tensor latents =
          request.sample(
              tokens -> {
                record[0] =
                    new SkipRecord(
                        new MagCache(
                            ops, schedule(reference, request), tokens.size(0), tokens.size(1)));
                return record[0];
              },
              trace);
      comparisons.add(
          Comparison.exact(
              "out.skip",
              Tensor.of(record[0].skips(), record[0].skips().length),
              reference.tensor("out.skip")));
      Tensor frames = FrameDecoder.bytes(ops, request.autoencoder(), latents);
      Tensor expectedFrames = frames(reference, ops, request);
      if (!backend.isFloat32AfterSteps()) {
        comparisons.add(Comparison.decibels("out.frames_u8", frames, expectedFrames, 35));
        return comparisons;
      }
      double tolerance = backend.tolerance(reference.tolerance("latents"));
      compare(comparisons, "out.latents", trace.samples, reference, tolerance);
      compare(comparisons, "out.noise_pred_cond", trace.conditionals, reference, tolerance);
      compare(comparisons, "out.noise_pred_uncond", trace.unconditionals, reference, tolerance);
      comparisons.add(Comparison.bytes("out.frames_u8", frames, expectedFrames));
    }
    return comparisons;
  }

  /// Returns the frames of a case, or those of its last latents where it has none.
  private static Tensor frames(ReferenceCase reference, Ops ops, PipelineCases.Request request) {
    if (reference.has("out.frames_u8")) {
      return reference.tensor("out.frames_u8");
    }
    Tensor steps = reference.tensor("out.latents");
    return FrameDecoder.bytes(ops, request.autoencoder(), steps.at(steps.length(0) - 1));
  }

  private static void compare(
      List<Comparison> comparisons,
      String name,
      List<Tensor> steps,
      ReferenceCase reference,
      double tolerance) {
    Tensor expected = reference.tensor(name);
    for (int step = 0; step < steps.size(); step++) {
      comparisons.add(
          Comparison.relative(name + "." + step, steps.get(step), expected.at(step), tolerance));
    }
  }

  private static MagCacheSchedule schedule(ReferenceCase reference, PipelineCases.Request request) {
    JsonNode settings = reference.json().get("magcache");
    int steps = request.plan().steps();
    String mode = settings.get("mode").asString();
    RetentionRule rule = DecisionCases.rule(mode);
    int split =
        rule == RetentionRule.WHOLE_RUN
            ? 0
            : MagCacheSchedule.splitStep(steps, request.plan().shift(), request.boundary());
    String table = mode.equals("ti2v") ? "ti2v-text" : mode;
    return new MagCacheSchedule(
        new MagCacheSettings(
            settings.get("thresh").asDouble(),
            settings.get("retention").asDouble(),
            settings.get("K").asInt()),
        rule,
        MagnitudeRatios.published(table),
        steps,
        split);
  }

  /// Records which forwards a cache skips.
  private static final class SkipRecord implements StepCache {
    private final StepCache cache;
    private final List<Integer> skips = new ArrayList<>();

    SkipRecord(StepCache cache) {
      this.cache = cache;
    }

    int[] skips() {
      return skips.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public void forward(Ops ops, int step, Branch branch, Tensor tokens, Runnable blocks) {
      int before = cache.skipped();
      cache.forward(ops, step, branch, tokens, blocks);
      skips.add(cache.skipped() - before);
    }

    @Override
    public int skipped() {
      return cache.skipped();
    }

    @Override
    public void save(Ops ops, SavedState state) {
      cache.save(ops, state);
    }

    @Override
    public void restore(Ops ops, SavedState state) {
      cache.restore(ops, state);
    }
  }
}
