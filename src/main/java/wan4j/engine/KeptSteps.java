package wan4j.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import wan4j.tensor.Tensor;

/// Keeps the latents of a request's steps in files, in memory, in both or nowhere.
public final class KeptSteps implements Consumer<Tensor> {
  private final StepLatents folder; // null for no files
  private final boolean isInMemory;
  private final List<Tensor> latents = new ArrayList<>();
  private int count;

  public KeptSteps(StepLatents folder, boolean isInMemory) {
    this.folder = folder;
    this.isInMemory = isInMemory;
  }

  /// Says whether there is a place for them.
  public boolean areWanted() {
    return folder != null || isInMemory;
  }

  /// Takes the latents of the next step.
  @Override
  public void accept(Tensor step) {
    count++;
    if (folder != null) {
      folder.write(count, step);
    }
    if (isInMemory) {
      latents.add(step);
    }
  }

  /// Returns those in memory.
  public List<Tensor> latents() {
    return latents;
  }
}
