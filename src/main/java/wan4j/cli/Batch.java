package wan4j.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Phaser;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import wan4j.Recovery;
import wan4j.tensor.InputException;

/// The requests of a list, one after another on one device, or on several that each take the next
/// one: each is the command itself with what its line says in place of flags.
final class Batch {
  /// What a line may say, by the names of flags; the rest belongs to all requests.
  private static final Set<String> FIELDS =
      Set.of(
          "prompt",
          "negative_prompt",
          "n_prompt",
          "image",
          "last_image",
          "audio",
          "pose_video",
          "num_clip",
          "src_root_path",
          "size",
          "frame_num",
          "frames",
          "clips",
          "clip_overlap",
          "base_seed",
          "seed",
          "sample_steps",
          "steps",
          "sample_shift",
          "shift",
          "sample_guide_scale",
          "guidance",
          "sample_solver",
          "solver");

  private static final String NAME = "name";
  private static final List<String> OWN = List.of("--requests", "--overwrite", "--save_file");

  private final CommandLine commands;
  private final ParseResult given;
  private final Path folder;
  private final boolean overwrites;
  private final Map<Path, Integer> taken = new HashMap<>();
  private final List<Integer> failed = new ArrayList<>();
  private final Queue<RequestList.Line> left = new ArrayDeque<>();
  private int all; // lines
  private int devices; // that make them
  private int made;
  private int there;
  private int code;

  /// Makes one request; throws what has failed.
  interface Maker extends AutoCloseable {
    /// Makes the video of a command for one request.
    void make(GenerateCommand one);

    @Override
    default void close() {}
  }

  /// A device that makes requests.
  ///
  /// @param progress is told of those that it makes
  /// @param opening opens it for the thread that calls
  record Place(Reporter progress, Supplier<Maker> opening) {}

  /// Creates the requests of a command line, whose videos go into a folder.
  Batch(CommandLine commands, Path folder, boolean overwrites) {
    this.commands = commands;
    given = commands.getParseResult();
    this.folder = folder;
    this.overwrites = overwrites;
  }

  /// Makes a video for each line and returns the exit code: 0, or that of the gravest failure.
  /// Throws `CancellationException` when the program is to end.
  int make(List<RequestList.Line> lines, Reporter progress, Maker maker) {
    begin(lines, 1);
    makeAll(progress, maker);
    return end(progress);
  }

  /// Makes a video for each line on several devices at a time, and returns the exit code. Throws
  /// what opening one of them throws, before any line is begun, and `CancellationException` when
  /// the program is to end.
  int makeApart(List<RequestList.Line> lines, Reporter progress, List<Place> places) {
    begin(lines, places.size());
    Phaser opened = new Phaser(places.size());
    AtomicReference<Throwable> failure = new AtomicReference<>();
    ThreadFactory named = Thread.ofPlatform().name("device ", 0).factory();
    try (ExecutorService threads = Executors.newThreadPerTaskExecutor(named)) {
      places.forEach(place -> threads.execute(() -> makeOn(place, opened, failure)));
    }
    switch (failure.get()) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new IllegalStateException(failure.get());
    }
    return end(progress);
  }

  /// Makes lines on a device, unless one of them cannot be opened.
  private void makeOn(Place place, Phaser opened, AtomicReference<Throwable> failure) {
    try (Maker maker = opening(place, opened, failure)) {
      if (failure.get() == null) {
        makeAll(place.progress(), maker);
      }
    } catch (RuntimeException | Error e) {
      if (!failure.compareAndSet(null, e)) {
        place.progress().says(String.valueOf(Failure.sentence(e)));
      }
      stop();
    }
  }

  /// Opens a device, and waits until all are open or have failed.
  private static Maker opening(Place place, Phaser opened, AtomicReference<Throwable> failure) {
    Maker maker = null;
    try {
      maker = place.opening().get();
    } catch (RuntimeException | Error e) {
      failure.compareAndSet(null, e);
    }
    opened.arriveAndAwaitAdvance();
    return maker;
  }

  private synchronized void begin(List<RequestList.Line> lines, int places) {
    all = lines.size();
    left.addAll(lines);
    devices = places;
  }

  /// Says whether a device whose work has failed is to make no more, since it is broken and others
  /// are there.
  private synchronized boolean leaves(Throwable failure) {
    if (devices > 1 && Failure.isOfBrokenGpu(failure)) {
      devices--;
      return true;
    }
    return false;
  }

  private synchronized RequestList.Line next() {
    return left.poll();
  }

  private synchronized void stop() {
    left.clear();
  }

  /// Makes lines until none is left, or the device is broken and others go on.
  private void makeAll(Reporter progress, Maker maker) {
    for (RequestList.Line line = next(); line != null; line = next()) {
      try {
        make(line, progress, maker);
      } catch (CancellationException e) {
        throw e;
      } catch (Unfinished e) {
        if (e.getCause() instanceof CancellationException) {
          throw e;
        }
        fail(line, e);
        if (leaves(e.getCause())) {
          return;
        }
      } catch (RuntimeException | Error e) {
        fail(line, e);
        if (leaves(e)) {
          return;
        }
      }
    }
  }

  private synchronized int end(Reporter progress) {
    failed.sort(null);
    progress.says(
        "%d of %d videos made%s%s"
            .formatted(
                made,
                all,
                there == 0 ? "" : ", %d were there already".formatted(there),
                failed.isEmpty()
                    ? ""
                    : ", %d failed: line %s"
                        .formatted(
                            failed.size(),
                            String.join(", ", failed.stream().map(String::valueOf).toList()))));
    return code;
  }

  private void make(RequestList.Line line, Reporter progress, Maker maker) {
    GenerateCommand one;
    synchronized (this) {
      if (line.mistake() != null) {
        throw new InputException(line.mistake());
      }
      Path target = target(line);
      if (Files.exists(target) && !overwrites) {
        there++;
        return;
      }
      one = command(line, target);
      progress.says("request %d of %d: %s".formatted(all - left.size(), all, target));
    }
    maker.make(one);
    synchronized (this) {
      made++;
    }
  }

  private synchronized void fail(RequestList.Line line, Throwable failure) {
    String sentence = Failure.sentence(failure);
    failed.add(line.number());
    code = code == Main.FAILED ? code : Failure.code(failure);
    commands
        .getErr()
        .println(
            Sentence.of(
                "wan4j: line %d: %s"
                    .formatted(
                        line.number(),
                        sentence == null ? "a fault of wan4j itself: " + failure : sentence)));
    if (sentence == null || Failure.isTraced()) {
      failure.printStackTrace(commands.getErr());
    }
    commands.getErr().flush();
  }

  private Path target(RequestList.Line line) {
    String name = line.fields().getOrDefault(NAME, "%04d".formatted(line.number()));
    if (name.contains("/") || name.contains("\\") || name.startsWith(".")) {
      throw new InputException(
          "name got \"%s\"; give the name of a file alone, without folders, such as cat.mp4"
              .formatted(name));
    }
    Path target = folder.resolve(name.contains(".") ? name : name + ".mp4");
    Integer other = taken.putIfAbsent(target, line.number());
    if (other != null) {
      throw new InputException(
          "name got \"%s\", which is the name of line %d; give each its own"
              .formatted(name, other));
    }
    return target;
  }

  /// Returns the command for a line: the flags that were given, but for those that it says itself.
  private GenerateCommand command(RequestList.Line line, Path target) {
    GenerateCommand one = new GenerateCommand();
    CommandLine parser = new CommandLine(one);
    parser.setCaseInsensitiveEnumValuesAllowed(true);
    parser.setAllowOptionsAsOptionParameters(true);
    parser.setExpandAtFiles(false);
    Map<OptionSpec, String> own = new LinkedHashMap<>();
    line.fields()
        .forEach((name, value) -> {
          if (!name.equals(NAME)) {
            own.put(option(parser, name), value);
          }
        });
    own.put(parser.getCommandSpec().findOption("--save_file"), target.toString());
    List<String> words = new ArrayList<>();
    for (OptionSpec option : given.matchedOptions()) {
      String flag = option.longestName();
      boolean isNothingLeft = flag.equals("--resume") && !isLeft(target);
      boolean isOwn =
          isNothingLeft
              || own.keySet().stream().anyMatch(other -> other.longestName().equals(flag))
              || Stream.of(option.names()).anyMatch(OWN::contains);
      if (!isOwn) {
        option.originalStringValues().stream()
            .map(value -> option.arity().max() == 0 ? flag : flag + "=" + value)
            .forEach(words::add);
      }
    }
    own.forEach((option, value) -> words.add(option.longestName() + "=" + value));
    TypedArguments arguments = new TypedArguments(parser, words.toArray(String[]::new));
    try {
      Values.require(parser.parseArgs(arguments.words()));
    } catch (ParameterException e) {
      throw new InputException(arguments.spelled(Mistake.sentence(e, arguments)), e);
    }
    return one;
  }

  /// Says whether an interrupted run has left something to go on from.
  private static boolean isLeft(Path target) {
    return Recovery.beside(target, 0).paths().stream().anyMatch(Files::exists);
  }

  private static OptionSpec option(CommandLine parser, String field) {
    String name = field.replace('-', '_');
    OptionSpec option =
        FIELDS.contains(name) ? parser.getCommandSpec().findOption("--" + name) : null;
    if (option == null) {
      throw new InputException(
          "it says \"%s\", which a request cannot; give prompt, negative_prompt, image, size, frame_num, seed, steps, shift, guidance, solver or name"
              .formatted(field));
    }
    return option;
  }
}
