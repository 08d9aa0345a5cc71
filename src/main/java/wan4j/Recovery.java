package wan4j;

import java.nio.file.Path;
import java.util.List;
import wan4j.engine.SavedRun;

/// Keeps what a request has made so far beside its video, so that it can go on to the same bytes
/// after it was stopped, in another process too: in `VIDEO.latents.safetensors` the latents of
/// clips that are sampled, in `VIDEO.state.safetensors` the state between two steps. It serves one
/// request.
public final class Recovery {
  /// After how many steps the state is written where nothing else is said.
  public static final int USUAL_STEPS = 5;

  private final SavedRun files;

  private Recovery(SavedRun files) {
    this.files = files;
  }

  /// Keeps a new request beside a video; its state is written after each `everySteps` steps, 0 for
  /// never.
  public static Recovery beside(Path video, int everySteps) {
    return new Recovery(new SavedRun(video, everySteps, false));
  }

  /// Goes on with what [#beside] has kept of a request.
  public static Recovery resumed(Path video, int everySteps) {
    return new Recovery(new SavedRun(video, everySteps, true));
  }

  /// Returns the files, of which each, both or none may be there.
  public List<Path> paths() {
    return files.files();
  }

  /// Throws `InputException` when one of the files could not be written, as far as that can be
  /// known before.
  public void requireWritable() {
    files.requireWritable();
  }

  /// Returns the seed of the request that is kept; throws `InputException` when none is.
  public long seed() {
    return files.seed();
  }

  /// Returns what the request has left to go on from when it has failed or was cancelled, such as
  /// "the latents are safe in FILE", or an empty text.
  public String left() {
    return files.left();
  }

  /// Removes the files, once the video is whole.
  public void delete() {
    files.delete();
  }

  SavedRun files() {
    return files;
  }
}
