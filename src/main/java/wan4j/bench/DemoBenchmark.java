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
import wan4j.demo.DemoTask;
import wan4j.demo.PromptCheck;
import wan4j.demo.SpeechCheck;

/// How far the videos of the demo's models show what they should: the check of `wan4j demo --check`
/// as measurements.
public final class DemoBenchmark {
  private DemoBenchmark() {}

  /// Makes and looks at the videos of so many prompts of a task, from a seed on.
  public static List<Measurement> run(Device device, DemoTask task, int prompts, long seed) {
    EngineOptions options =
        new EngineOptions(DemoFolder.find().checkpoint(task), device, false, false);
    long start = System.nanoTime();
    try (VideoEngine engine = VideoEngine.open(options)) {
      if (task == DemoTask.S2V) {
        List<SpeechCheck> checks = SpeechCheck.run(engine, prompts, seed, _ -> {});
        return speech(checks, seed, seconds(start, prompts));
      }
      List<PromptCheck> checks = PromptCheck.run(engine, task, prompts, seed, _ -> {});
      return results(task, checks, seed, seconds(start, prompts));
    }
  }

  private static double seconds(long start, int videos) {
    return (System.nanoTime() - start) / 1e9 / videos;
  }

  /// Returns what some checks say; `seconds` is the time of one of them.
  static List<Measurement> results(
      DemoTask task, List<PromptCheck> checks, long seed, double seconds) {
    Map<String, Object> parameters =
        parameters(task, DemoRequest.FRAMES, DemoRequest.STEPS, checks.size(), seed);
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

  /// Returns what the checks of speech say.
  static List<Measurement> speech(List<SpeechCheck> checks, long seed, double seconds) {
    Map<String, Object> parameters =
        parameters(DemoTask.S2V, SpeechCheck.FRAMES, DemoRequest.SPEECH_STEPS, checks.size(), seed);
    double[] correlations = SpeechCheck.correlations(checks);
    return List.of(
        of(parameters, "median correlation", "", SpeechCheck.median(correlations)),
        of(parameters, "least correlation", "", correlations[0]),
        of(parameters, "a video", "s", seconds));
  }

  private static Map<String, Object> parameters(
      DemoTask task, int frames, int steps, int prompts, long seed) {
    Map<String, Object> parameters = new LinkedHashMap<>();
    parameters.put("model", task.spelling());
    parameters.put("size", DemoRequest.SIDE + "*" + DemoRequest.SIDE);
    parameters.put("frames", frames);
    parameters.put("steps", steps);
    parameters.put("prompts", prompts);
    parameters.put("seed", seed);
    return parameters;
  }

  private static Measurement of(
      Map<String, Object> parameters, String metric, String unit, double value) {
    return Measurement.of("demo", parameters, metric, unit, value);
  }
}
