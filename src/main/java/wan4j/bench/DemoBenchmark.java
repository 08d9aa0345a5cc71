package wan4j.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.VideoEngine;
import wan4j.bench.measure.Measurement;
import wan4j.demo.DemoFolder;
import wan4j.demo.DemoRequest;
import wan4j.demo.PromptCheck;

/// How many of the demo's prompts are followed by its text-to-video model: the check of `wan4j demo
/// --check` as measurements.
public final class DemoBenchmark {
  private DemoBenchmark() {}

  /// Makes and looks at the videos of so many prompts, from a seed on.
  public static List<Measurement> run(Device device, int prompts, long seed) {
    EngineOptions options =
        new EngineOptions(DemoFolder.find().textToVideo(), device, false, false);
    long start = System.nanoTime();
    List<PromptCheck> checks;
    try (VideoEngine engine = VideoEngine.open(options)) {
      checks = PromptCheck.run(engine, prompts, seed, _ -> {});
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    return results(checks, seed, seconds / prompts);
  }

  /// Returns what some checks say; `seconds` is the time of one of them.
  static List<Measurement> results(List<PromptCheck> checks, long seed, double seconds) {
    Map<String, Object> parameters = new LinkedHashMap<>();
    parameters.put("model", "t2v");
    parameters.put("size", DemoRequest.SIDE + "*" + DemoRequest.SIDE);
    parameters.put("frames", DemoRequest.FRAMES);
    parameters.put("steps", DemoRequest.STEPS);
    parameters.put("prompts", checks.size());
    parameters.put("seed", seed);
    return List.of(
        of(parameters, "colour", "%", PromptCheck.percent(checks, PromptCheck::showsColor)),
        of(
            parameters,
            "colour and direction",
            "%",
            PromptCheck.percent(checks, PromptCheck::showsMotion)),
        of(parameters, "shape", "%", PromptCheck.percent(checks, PromptCheck::showsShape)),
        of(parameters, "a video", "s", seconds));
  }

  private static Measurement of(
      Map<String, Object> parameters, String metric, String unit, double value) {
    return Measurement.of("demo", parameters, metric, unit, value);
  }
}
