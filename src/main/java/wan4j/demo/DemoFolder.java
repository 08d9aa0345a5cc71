package wan4j.demo;

import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import wan4j.tensor.InputException;

/// The folder of the small trained models that come with wan4j: `demo/` above the program or above
/// the working folder.
public record DemoFolder(Path path) {
  /// Finds the folder; throws `InputException` when there is none.
  public static DemoFolder find() {
    CodeSource source = DemoFolder.class.getProtectionDomain().getCodeSource();
    try {
      for (Path start : new Path[] {Path.of(source.getLocation().toURI()), Path.of("")}) {
        Path at = start.toAbsolutePath();
        for (Path above = at; above != null; above = above.getParent()) {
          if (Files.isDirectory(above.resolve("demo/checkpoint/t2v"))) {
            return new DemoFolder(above.resolve("demo"));
          }
        }
      }
    } catch (URISyntaxException e) {
      throw new IllegalStateException("the program lies at no path: " + e.getMessage(), e);
    }
    throw new InputException(
        "demo/checkpoint is not beside the program; run ./wan4j demo in a whole clone, or wan4j"
            + " generate with a checkpoint");
  }

  /// Says whether the model of a task is there.
  public boolean has(DemoTask task) {
    return Files.isDirectory(folder(task));
  }

  /// Returns the folder of a task's model; throws `InputException` where it is not there.
  public Path checkpoint(DemoTask task) {
    Path folder = folder(task);
    if (!has(task)) {
      throw new InputException(
          "%s is not there; run ./wan4j demo in a whole clone, or choose another --task"
              .formatted(folder));
    }
    return folder;
  }

  private Path folder(DemoTask task) {
    return path.resolve("checkpoint").resolve(task.spelling());
  }

  /// Returns the picture that videos begin with.
  public Path picture() {
    return path.resolve("picture.png");
  }
}
