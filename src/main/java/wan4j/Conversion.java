package wan4j;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import wan4j.engine.Backends;
import wan4j.engine.CheckpointCheck;
import wan4j.engine.Float8Network;
import wan4j.engine.StoredFormat;
import wan4j.files.PendingFile;
import wan4j.ops.Ops;
import wan4j.pipeline.CheckpointTokenizer;
import wan4j.tensor.InputException;
import wan4j.weights.Checkpoint;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;
import wan4j.weights.Weights;

/// Writes a checkpoint again with the linear layers of its transformers in FP8: a complete folder,
/// whose other files are copied or, where they are large and the disk is the same, linked.
public final class Conversion {
  private static final long LINKED = 16L << 20; // files of so many bytes are linked, not copied
  private static final int PROGRESS_STEPS = 20;
  private static final Duration WORTH_TELLING = Duration.ofSeconds(1);

  private final Path source;
  private final Path target;
  private final Quantization quantization;
  private final boolean links;
  private final Progress progress;
  private long linkedBytes;
  private long copiedBytes;

  private Conversion(
      Path source, Path target, Quantization quantization, boolean links, Progress progress) {
    this.source = source;
    this.target = target;
    this.quantization = quantization;
    this.links = links;
    this.progress = progress;
  }

  /// Converts a checkpoint on a device into a folder that must be new or empty, and returns the
  /// bytes of its transformers before and after; throws `InputException` when the checkpoint cannot
  /// be converted or the folder cannot be written, and then leaves nothing behind.
  public static Result run(
      Path source, Path target, Quantization quantization, Device device, Progress progress) {
    return run(source, target, quantization, device, false, progress);
  }

  /// The same; with `links`, large files that stay as they are become symbolic links where hard
  /// links cannot be, so that the new folder needs the old one.
  public static Result run(
      Path source,
      Path target,
      Quantization quantization,
      Device device,
      boolean links,
      Progress progress) {
    return new Conversion(source, target, quantization, links, progress).run(device);
  }

  /// What a conversion did.
  ///
  /// @param bytesBefore the bytes of the transformers as they were
  /// @param bytesAfter their bytes now
  public record Result(long bytesBefore, long bytesAfter) {}

  private Result run(Device device) {
    try (Checkpoint checkpoint = Checkpoint.open(source)) {
      requireConvertible(checkpoint);
      requireTarget();
      TransformerConfig config = checkpoint.config();
      CheckpointCheck.require(checkpoint, config);
      CheckpointTokenizer.of(checkpoint); // what the new folder could not be used without
      Map<Expert, Float8Network> networks = new LinkedHashMap<>();
      long before = 0;
      long after = 0;
      for (Expert expert : checkpoint.experts()) {
        Weights weights = checkpoint.transformer(expert);
        Float8Network network = new Float8Network(config, weights, quantization);
        networks.put(expert, network);
        before += weights.names().stream().mapToLong(n -> weights.tensor(n).bytes()).sum();
        after += network.bytes();
      }
      List<Path> others = others(checkpoint);
      requireSpace(after, others);
      write(checkpoint, networks, others, device);
      return new Result(before, after);
    }
  }

  private void requireConvertible(Checkpoint checkpoint) {
    if (!Task.isKnown(checkpoint.kind())) {
      throw new InputException(
          "%s is a checkpoint of %s, whose network this build does not know yet; expected one of t2v-A14B, i2v-A14B, ti2v-5B, s2v-14B or animate-14B"
              .formatted(source, checkpoint.kind().task()));
    }
    for (Expert expert : checkpoint.experts()) {
      if (!checkpoint.transformer(expert).float8().isEmpty()) {
        throw new InputException(
            "%s stores weights in FP8 already; expected 16 or 32 bits: convert the checkpoint that it was made from"
                .formatted(checkpoint.transformer(expert).title()));
      }
    }
  }

  private void requireTarget() {
    PendingFile.requireNewFolder("--out", target);
    try {
      Path parent = target.toAbsolutePath().normalize().getParent();
      if (parent == null) {
        throw new InputException("--out got %s; give a folder in another one".formatted(target));
      }
      if (PendingFile.existing(parent).toRealPath().startsWith(source.toRealPath())) {
        throw new InputException(
            "--out got %s, which lies in the checkpoint itself; give a folder elsewhere"
                .formatted(target));
      }
    } catch (IOException e) {
      throw PendingFile.failure(target, e);
    }
  }

  /// Returns the checkpoint's files but those of the transformers' weights, by their paths in it;
  /// hidden ones, such as a download's notes, stay behind.
  private List<Path> others(Checkpoint checkpoint) {
    Set<Path> weights = new HashSet<>();
    Set<Path> folders = new HashSet<>();
    try {
      for (Expert expert : checkpoint.experts()) {
        folders.add(checkpoint.folder(expert).toRealPath());
        for (Path path : checkpoint.transformer(expert).paths()) {
          weights.add(path.toRealPath());
        }
      }
      List<Path> others = new ArrayList<>();
      try (Stream<Path> walk = Files.walk(source, FileVisitOption.FOLLOW_LINKS)) {
        for (Path path : walk.filter(Files::isRegularFile).sorted().toList()) {
          Path relative = source.relativize(path);
          boolean isIndex =
              path.toString().endsWith(".index.json")
                  && folders.contains(path.getParent().toRealPath());
          if (!isIndex && !isHidden(relative) && !weights.contains(path.toRealPath())) {
            others.add(relative);
          }
        }
      }
      return others;
    } catch (IOException e) {
      throw new InputException(
          "%s cannot be read (%s); check its permissions".formatted(source, e.getMessage()), e);
    }
  }

  private static boolean isHidden(Path relative) {
    for (Path name : relative) {
      if (name.toString().startsWith(".")) {
        return true;
      }
    }
    return false;
  }

  private void requireSpace(long transformers, List<Path> others) {
    try {
      FileStore store = Files.getFileStore(PendingFile.existing(target));
      long needed = transformers;
      for (Path file : others) {
        Path path = source.resolve(file);
        long size = Files.size(path);
        boolean isLinked = links || Files.getFileStore(path.toRealPath()).equals(store);
        if (size < LINKED || !isLinked) {
          needed += size;
        }
      }
      if (store.getUsableSpace() < needed) {
        throw new InputException(
            "the converted checkpoint needs %,d MB and the disk of %s has %,d MB free; free some or choose another with --out%s"
                .formatted(
                    needed / 1_000_000,
                    target,
                    store.getUsableSpace() / 1_000_000,
                    needed > transformers + LINKED && !links
                        ? ", or link what does not change with --link"
                        : ""));
      }
    } catch (IOException e) {
      throw PendingFile.failure(target, e);
    }
  }

  private void write(
      Checkpoint checkpoint,
      Map<Expert, Float8Network> networks,
      List<Path> others,
      Device device) {
    Path whole = target.toAbsolutePath().normalize();
    Path before = PendingFile.existing(whole.getParent());
    try (Ops ops = Backends.open(device)) {
      create(whole.getParent());
      try (PendingFile pending = PendingFile.folder(whole)) {
        networks.forEach((expert, network) -> {
          Path folder = pending.path().resolve(source.relativize(checkpoint.folder(expert)));
          write(ops, expert, network, checkpoint.transformer(expert), folder);
        });
        progress.timed("other files", () -> copy(others, pending.path()));
        progress.says(
            "of the files that stay as they are, %,d MB are linked and %,d MB copied"
                .formatted(linkedBytes / 1_000_000, copiedBytes / 1_000_000));
        require(pending.path());
        pending.commit();
      }
    } finally {
      removeEmpty(whole.getParent(), before);
    }
  }

  /// Removes folders that were created for the target, if the target was not written.
  private static void removeEmpty(Path folder, Path before) {
    for (Path at = folder; !at.equals(before); at = at.getParent()) {
      try {
        Files.deleteIfExists(at);
      } catch (IOException e) {
        return; // it holds something
      }
    }
  }

  private void write(Ops ops, Expert expert, Float8Network network, Weights weights, Path folder) {
    create(folder);
    long whole = weights.names().stream().mapToLong(n -> weights.tensor(n).bytes()).sum();
    long[] last = {System.nanoTime(), 0};
    LongConsumer steps =
        done -> {
          int step = (int) (done * PROGRESS_STEPS / Math.max(whole, 1));
          Duration time = Duration.ofNanos(System.nanoTime() - last[0]);
          if (step > last[1] && time.compareTo(WORTH_TELLING) > 0) {
            progress.stepped(
                new Progress.Step(step, PROGRESS_STEPS, expert.description(), 0, 0, time));
            last[0] = System.nanoTime();
            last[1] = step;
          }
        };
    progress.timed(expert.description(), () -> network.write(ops, folder, steps));
  }

  private void copy(List<Path> others, Path folder) {
    for (Path file : others) {
      Path copy = folder.resolve(file);
      create(copy.getParent());
      try {
        Path original = source.resolve(file).toRealPath();
        long size = Files.size(original);
        if (size >= LINKED && (isHardLinked(original, copy) || isLinked(original, copy))) {
          linkedBytes += size;
        } else {
          Files.copy(original, copy);
          copiedBytes += size;
        }
      } catch (IOException e) {
        throw PendingFile.failure(target, e);
      }
    }
  }

  private boolean isLinked(Path original, Path copy) {
    try {
      if (links) {
        Files.createSymbolicLink(copy, original);
      }
      return links;
    } catch (IOException | UnsupportedOperationException e) {
      return false; // a file system without links
    }
  }

  private static boolean isHardLinked(Path original, Path copy) {
    try {
      Files.createLink(copy, original);
      return true;
    } catch (IOException | UnsupportedOperationException e) {
      return false; // another disk, or a file system without links
    }
  }

  private void create(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw PendingFile.failure(target, e);
    }
  }

  /// Opens what was written as a request would.
  private static void require(Path folder) {
    try (Checkpoint written = Checkpoint.open(folder)) {
      CheckpointCheck.require(written, written.config());
      for (Expert expert : written.experts()) {
        StoredFormat.of(written.transformer(expert));
      }
    }
  }
}
