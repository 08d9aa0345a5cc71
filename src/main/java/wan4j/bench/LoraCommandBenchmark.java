package wan4j.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import wan4j.EngineOptions.LoraMode;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.TemporaryFolder;
import wan4j.tensor.InputException;
import wan4j.weights.Checkpoint;
import wan4j.weights.Weights;

/// What a LoRA file costs who runs one command: `generate` from its start to its exit without one,
/// with one that is merged into the weights while they are loaded, and with the same one beside the
/// weights. The three take turns, so that they find the same files in the page cache.
public final class LoraCommandBenchmark {
  /// Runs commands of wan4j.
  @FunctionalInterface
  public interface Commands {
    /// Runs `generate` with further words to its end; throws `InputException` when it fails.
    void generate(List<String> words);
  }

  /// What is run.
  ///
  /// @param checkpoint the folder of a checkpoint
  /// @param size of the video; few frames leave loading the larger part
  /// @param steps of the request, which reach all experts
  /// @param lora a LoRA file, or null for one of random numbers for every linear layer of the
  ///   blocks
  /// @param rank of that one
  public record Request(Path checkpoint, VideoSize size, int steps, Path lora, int rank) {
    /// Throws `InputException` for numbers that measure nothing.
    public Request {
      if (rank < 1) {
        throw new InputException("--rank got %d; give 1 or more".formatted(rank));
      }
      if (steps < 1) {
        throw new InputException("--steps got %d; give 1 or more".formatted(steps));
      }
    }
  }

  private static final String NAME = "lora command";
  private static final String NONE = "none";
  private static final List<String> MODES =
      List.of(NONE, LoraMode.MERGE.spelling(), LoraMode.SIDE.spelling());

  private LoraCommandBenchmark() {}

  /// Measures whole commands; files are written to `folder` and deleted afterwards, and `log`
  /// receives a line for each command.
  public static List<Measurement> run(
      Workbench.Settings settings,
      Request request,
      Path folder,
      Commands commands,
      Consumer<String> log) {
    try (TemporaryFolder place = TemporaryFolder.in(folder);
        Checkpoint checkpoint = Checkpoint.open(request.checkpoint())) {
      Task task = Task.of(checkpoint.kind().task());
      List<String> words =
          CommandWords.of(
              settings, request.checkpoint(), request.size(), request.steps(), task, place.path());
      words.add("--quiet");
      Path lora = request.lora();
      if (lora == null) {
        lora = place.path().resolve("lora.safetensors");
        Weights weights = checkpoint.transformer(checkpoint.experts().getFirst());
        RandomLoraFile.write(lora, weights, request.rank());
      }
      Map<String, Object> parameters = parameters(settings, request, task);
      parameters.put("experts", checkpoint.experts().size());
      double[][] seconds = new double[MODES.size()][settings.runs()];
      for (int run = -settings.warmUp(); run < settings.runs(); run++) {
        for (int i = 0; i < MODES.size(); i++) {
          // a folder of frames of its own, since none is written over
          Path target = place.path().resolve("frames-%d-%d".formatted(run, i));
          double taken = seconds(commands, words(words, MODES.get(i), lora, target));
          log.accept(String.format(Locale.ROOT, "LoRA %s: %.2f s", MODES.get(i), taken));
          if (run >= 0) {
            seconds[i][run] = taken;
          }
        }
      }
      return measurements(parameters, seconds);
    }
  }

  private static List<Measurement> measurements(
      Map<String, Object> parameters, double[][] seconds) {
    List<Measurement> results = new ArrayList<>();
    for (int i = 0; i < MODES.size(); i++) {
      Map<String, Object> own = new LinkedHashMap<>(parameters);
      own.put("lora", MODES.get(i));
      results.add(Measurement.of(NAME, own, "time", "s", seconds[i]));
      if (i > 0) {
        double[] more = seconds[i].clone();
        for (int run = 0; run < more.length; run++) {
          more[run] -= seconds[0][run];
        }
        results.add(Measurement.of(NAME, own, "time more than without", "s", more));
      }
    }
    return results;
  }

  private static Map<String, Object> parameters(
      Workbench.Settings settings, Request request, Task task) {
    Map<String, Object> parameters = settings.parameters();
    parameters.put("task", task.spelling());
    parameters.put("size", request.size().sides());
    parameters.put("frames", request.size().frames());
    parameters.put("steps", request.steps());
    if (request.lora() == null) {
      parameters.put("rank", request.rank());
    }
    return parameters;
  }

  private static List<String> words(List<String> usual, String mode, Path lora, Path target) {
    List<String> all = new ArrayList<>(usual);
    all.addAll(List.of("--save_file", target.toString()));
    if (!mode.equals(NONE)) {
      all.addAll(List.of("--lora", lora.toString(), "--lora_mode", mode));
    }
    return all;
  }

  private static double seconds(Commands commands, List<String> words) {
    long start = System.nanoTime();
    commands.generate(words);
    return (System.nanoTime() - start) / 1e9;
  }
}
