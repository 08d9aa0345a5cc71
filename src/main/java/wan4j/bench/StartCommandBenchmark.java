package wan4j.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.TemporaryFolder;
import wan4j.files.Json;
import wan4j.tensor.InputException;
import wan4j.weights.Checkpoint;

/// What a user waits for who types a command: `generate` as a process, from its start to its first
/// line, to its first step and to its end, as its own `--json` tells it.
public final class StartCommandBenchmark {
  /// Runs commands of wan4j.
  @FunctionalInterface
  public interface Commands {
    /// Runs `generate` with further words to its end and gives each line of it as it comes; throws
    /// `InputException` when it fails.
    void generate(List<String> words, Consumer<String> line);
  }

  private static final String NAME = "start command";

  /// Two steps of each of two experts: a first one loads, a second one does not.
  private static final int STEPS = 4;

  private StartCommandBenchmark() {}

  /// Measures starts with a checkpoint; files are written to `folder` and deleted afterwards, and
  /// `log` receives a line for each command.
  public static List<Measurement> run(
      Workbench.Settings settings,
      Path checkpoint,
      VideoSize size,
      Path folder,
      Commands commands,
      Consumer<String> log) {
    try (TemporaryFolder place = TemporaryFolder.in(folder)) {
      Task task;
      try (Checkpoint opened = Checkpoint.open(checkpoint)) {
        task = Task.of(opened.kind().task());
      }
      List<String> words = CommandWords.of(settings, checkpoint, size, STEPS, task, place.path());
      words.add("--json");
      Map<String, double[]> seconds = new LinkedHashMap<>();
      for (int run = -settings.warmUp(); run < settings.runs(); run++) {
        // a folder of frames of its own, since none is written over
        List<String> own = new ArrayList<>(words);
        own.addAll(List.of("--save_file", place.path().resolve("frames-" + run).toString()));
        Timeline timeline = new Timeline(System.nanoTime());
        commands.generate(own, timeline::line);
        Map<String, Double> found = timeline.seconds();
        log.accept(
            String.format(
                Locale.ROOT,
                "first line %.2f s, first step %.2f s, end %.2f s",
                found.get("to the first line"),
                found.get("to the first step"),
                found.get("to the end")));
        for (Map.Entry<String, Double> entry : found.entrySet()) {
          double[] all = seconds.computeIfAbsent(entry.getKey(), _ -> new double[settings.runs()]);
          if (run >= 0) {
            all[run] = entry.getValue();
          }
        }
      }
      Map<String, Object> parameters = settings.parameters();
      parameters.put("checkpoint", checkpoint.toAbsolutePath().getFileName().toString());
      parameters.put("task", task.spelling());
      parameters.put("size", size.sides());
      parameters.put("frames", size.frames());
      List<Measurement> results = new ArrayList<>();
      seconds.forEach(
          (metric, all) -> results.add(Measurement.of(NAME, parameters, metric, "s", all)));
      return results;
    }
  }

  /// When the events of one command came, in seconds since its start.
  static final class Timeline {
    private record Step(String expert, double end, double seconds) {}

    private final long start;
    private final Map<String, Double> begun = new LinkedHashMap<>();
    private final Map<String, Double> stages = new LinkedHashMap<>();
    private final List<Step> steps = new ArrayList<>();
    private double first = Double.NaN;
    private double last;

    Timeline(long start) {
      this.start = start;
    }

    /// Takes a line that has just come; what is no event is passed over.
    void line(String line) {
      line(line, (System.nanoTime() - start) / 1e9);
    }

    void line(String line, double now) {
      if (!line.startsWith("{")) {
        return;
      }
      JsonNode event = Json.parse(line, "a line of generate");
      if (Double.isNaN(first)) {
        first = now;
      }
      last = now;
      switch (event.path("event").asString("")) {
        case "begin" -> begun.put(event.get("stage").asString(), now);
        case "end" -> {
          String stage = event.get("stage").asString();
          stages.put(stage, now - begun.getOrDefault(stage, now));
        }
        case "step" ->
            steps.add(
                new Step(event.get("expert").asString(), now, event.get("seconds").asDouble()));
        default -> {}
      }
    }

    /// Returns the times by what they are of. A step's own time is that of the next one of its
    /// expert; what the first one takes more is loading. Throws `InputException` for a command that
    /// told no two steps of an expert.
    Map<String, Double> seconds() {
      Map<String, Double> seconds = new LinkedHashMap<>();
      seconds.put("to the first line", first);
      double loading = 0;
      double toTheFirst = Double.NaN;
      for (int i = 0; i < steps.size(); i++) {
        Step step = steps.get(i);
        if (i > 0 && steps.get(i - 1).expert.equals(step.expert)) {
          continue;
        }
        if (i + 1 == steps.size() || !steps.get(i + 1).expert.equals(step.expert)) {
          throw new InputException(
              "%s had one step alone, so that its loading cannot be told from it; give a checkpoint of t2v-A14B, i2v-A14B or ti2v-5B"
                  .formatted(step.expert));
        }
        double own = steps.get(i + 1).seconds;
        if (i == 0) {
          toTheFirst = step.end - own;
        } else {
          loading += step.seconds - own;
        }
      }
      if (Double.isNaN(toTheFirst)) {
        throw new InputException(
            "generate told no step; see that it takes --json, and run it by itself");
      }
      seconds.put("to the first step", toTheFirst);
      seconds.put("to the first step, and loading the other expert", toTheFirst + loading);
      seconds.put("to the end", last);
      stages.forEach((stage, time) -> seconds.put("stage " + stage, time));
      return seconds;
    }
  }
}
