package wan4j.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import wan4j.EngineOptions;
import wan4j.Version;
import wan4j.files.PendingFile;
import wan4j.ops.SavedState;
import wan4j.pipeline.RunRecord;
import wan4j.pipeline.StepListener;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// What a request leaves beside its video while it runs: the latents of the clips that are sampled
/// in `VIDEO.latents.safetensors` and, for further ones, `VIDEO.latents.N.safetensors`, and every
/// few steps the state of the clip after them in `VIDEO.state.safetensors`, read and written while
/// the next steps are computed.
public final class SavedRun implements RunRecord {
  private static final String CLIP = "clip"; // the state's, from 0

  private final Path video;
  private final Path state;
  private final int everySteps; // 0 for no states
  private final boolean resumes;
  private int sampled; // clips whose latents are there
  private String left = ""; // what this run has left last, in words
  private boolean isToldOfFailure;
  private Map<String, String> description = Map.of();
  private Map<String, String> stateDescription = Map.of();
  private long seed;
  private SavedState found; // by an earlier run, of the clip after those that are sampled
  private Consumer<String> says = _ -> {};
  private ExecutorService writer;
  private Future<?> writing;

  /// Prepares what lies beside a video; `everySteps` is 0 for no states.
  public SavedRun(Path video, int everySteps, boolean resumes) {
    this.video = video;
    state = video.resolveSibling(video.getFileName() + ".state.safetensors");
    this.everySteps = everySteps;
    this.resumes = resumes;
  }

  private SavedLatents clip(int clip) {
    return SavedLatents.beside(video, clip);
  }

  private void deleteLatents(int from) {
    for (int i = from; Files.exists(clip(i).file()); i++) {
      clip(i).delete();
    }
  }

  /// Returns the two files that come first, of which each, both or none may be there.
  public List<Path> files() {
    return List.of(clip(0).file(), state);
  }

  /// Throws `InputException` when one of the files could not be written, as far as that can be
  /// known before.
  public void requireWritable() {
    files().forEach(PendingFile::requireWritable);
  }

  /// Returns the seed of the run that is to go on; throws `InputException` when nothing is left of
  /// one.
  public long seed() {
    for (Path file : files()) {
      if (Files.exists(file)) {
        return SavedLatents.seed(
            file,
            file.equals(state)
                ? StateFile.read(file).description()
                : LatentsFile.read(file).description());
      }
    }
    throw new InputException(
        "--resume found no %s and no %s; run without --resume to begin anew"
            .formatted(clip(0).file(), state.getFileName()));
  }

  /// Begins or goes on with a request; `says` is told what the user may want to know. Throws
  /// `InputException` when what is there is of another request, checkpoint or version.
  public void begin(
      EngineOptions options, Map<String, String> request, long seedOfNoise, Consumer<String> told) {
    description = Map.copyOf(request);
    stateDescription = new LinkedHashMap<>(request);
    stateDescription.put("device", options.device().spelling());
    stateDescription.put("precision", options.arithmetic().toString());
    stateDescription.put("gpus", options.ranks().spelling());
    stateDescription.put(SavedLatents.VERSION, Version.NUMBER);
    seed = seedOfNoise;
    says = told;
    if (resumes) {
      read();
    }
    writer =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("state writer").factory());
  }

  private void read() {
    if (files().stream().noneMatch(Files::exists)) {
      seed(); // which says so
    }
    while (Files.exists(clip(sampled).file())) {
      clip(sampled).requireSame(description, seed);
      sampled++;
    }
    if (sampled > 0) {
      left = ofLatents();
    }
    if (Files.exists(state)) {
      StateFile.Content content = StateFile.read(state);
      SavedLatents.requireSame(state, "a state", content.description(), stateDescription, seed);
      if (content.state().count(CLIP, Integer.MAX_VALUE) == sampled) {
        found = content.state().at("run");
        left = ofState(found.count("step", Integer.MAX_VALUE));
        says.accept("going on after step %d".formatted(found.count("step", Integer.MAX_VALUE)));
      }
    }
  }

  @Override
  public Tensor latents(int clip) {
    return clip < sampled ? LatentsFile.read(clip(clip).file()).latents().values() : null;
  }

  @Override
  public SavedState state(int clip) {
    return clip == sampled ? found : null;
  }

  @Override
  public void stepped(int clip, StepListener.Outcome outcome, boolean isLast) {
    tellFailure(false);
    int done = outcome.step() + 1;
    boolean isDue = everySteps > 0 && (isLast || done % everySteps == 0);
    // one that is still being written is as good, unless no other follows
    if (!isDue || done == outcome.steps() || (isBusy() && !isLast)) {
      return;
    }
    SavedState whole = new SavedState();
    whole.put(CLIP, clip);
    whole.putAll("run", outcome.state().get());
    writing =
        writer.submit(() -> {
          if (clip == 0) {
            deleteLatents(0); // of a run before this one
          }
          StateFile.write(state, whole.arrive(), ofSeed(stateDescription));
          setLeft(ofState(done));
        });
  }

  private boolean isBusy() {
    return writing != null && !writing.isDone();
  }

  private Map<String, String> ofSeed(Map<String, String> flags) {
    Map<String, String> whole = new LinkedHashMap<>(flags);
    whole.put("base_seed", Long.toString(seed));
    return whole;
  }

  @Override
  public void sampled(int clip, Tensor made) {
    found = null;
    clip(clip).write(made, description, seed);
    if (clip == 0) {
      deleteLatents(1); // of a run before this one
    }
    sampled = clip + 1;
    writing =
        writer.submit(() -> { // after a state that is still being written
          Files.deleteIfExists(state);
          setLeft(ofLatents());
          return null;
        });
  }

  /// A state that cannot be written does not end the run; it is told once.
  private void tellFailure(boolean waits) {
    if (writing == null || (!waits && !writing.isDone())) {
      return;
    }
    try {
      writing.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      writing = null;
      if (!isToldOfFailure) {
        isToldOfFailure = true;
        says.accept(
            "the state of the run could not be kept (%s); it goes on without"
                .formatted(e.getCause().getMessage()));
      }
    }
  }

  /// Waits until what was begun is written; before the backend closes.
  public void end() {
    if (writer != null) {
      writer.close();
      tellFailure(true);
      writer = null;
    }
  }

  private synchronized void setLeft(String words) {
    left = words;
  }

  private String ofLatents() {
    return sampled == 1
        ? "the latents are safe in " + clip(0).file()
        : "the latents of %d clips are safe beside %s".formatted(sampled, clip(0).file());
  }

  private String ofState(int step) {
    return "what was made up to step %d is safe in %s".formatted(step, state);
  }

  /// Returns what this run has left to go on from, such as "the latents are safe in FILE", or an
  /// empty text.
  public synchronized String left() {
    return left;
  }

  /// Removes the files, once the video is whole.
  public void delete() {
    deleteLatents(0);
    try {
      Files.deleteIfExists(state);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
