package wan4j.cuda.jit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import wan4j.files.PendingFile;
import wan4j.files.UserCache;

/// Cubins by the hash of everything that makes them, in memory and on disk. Safe with several
/// threads (each key is compiled once) and several processes (files appear whole, by renaming, and
/// whichever comes last is the same). A damaged or unreadable file is compiled anew, and a folder
/// that takes no file costs the compilation at every start, which is told once.
public final class KernelCache {
  /// Code for Hopper with its own instructions; `-std` and the device default suit our kernels.
  private static final List<String> OPTIONS = List.of("--gpu-architecture=sm_90a", "--std=c++17");

  private static final int DIGEST_BYTES = 32;

  /// Compiles what will be wanted, on half of the processors: others read a checkpoint meanwhile.
  private static final ExecutorService BESIDE =
      Executors.newFixedThreadPool(
          Math.clamp(Runtime.getRuntime().availableProcessors() / 2, 1, 8),
          Thread.ofPlatform().name("compiling kernels ", 0).daemon().factory());

  private static final System.Logger LOG = System.getLogger("wan4j.cuda");

  private final KernelCompiler compiler;
  private final Path folder;
  private final boolean keepSource;
  private final Map<String, FutureTask<byte[]>> cubins = new ConcurrentHashMap<>();
  private final AtomicBoolean isToldUnwritable = new AtomicBoolean();

  /// A cache in `folder`, made on first need; with `keepSource` each program is left beside its
  /// cubin as one `.cu` file.
  public KernelCache(KernelCompiler compiler, Path folder, boolean keepSource) {
    this.compiler = compiler;
    this.folder = folder;
    this.keepSource = keepSource;
  }

  /// The user's cache: NVRTC, `${XDG_CACHE_HOME:-~/.cache}/wan4j/kernels`, sources kept where the
  /// environment has `KEEP_SOURCE`.
  public static KernelCache ofUser() {
    return new KernelCache(
        new NvrtcCompiler(),
        UserCache.folder().resolve("kernels"),
        System.getenv("KEEP_SOURCE") != null);
  }

  /// The cubin of a source, compiled when neither memory nor disk has it.
  public byte[] cubin(KernelSource source) {
    var key = key(source);
    // A future, and not the map's own lock: while one key compiles, others do not wait.
    var task = cubins.computeIfAbsent(key, absent -> new FutureTask<>(() -> load(absent, source)));
    task.run();
    try {
      return task.get().clone();
    } catch (ExecutionException e) {
      cubins.remove(key, task);
      throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while " + source.file() + " was compiled", e);
    }
  }

  /// Begins to compile a source that will be wanted, beside whatever else runs; once for each
  /// source. Whoever asks for the cubin before its turn has come compiles it. A failure is kept for
  /// them.
  public void prepare(KernelSource source) {
    var key = key(source);
    var task = new FutureTask<>(() -> load(key, source));
    if (cubins.putIfAbsent(key, task) == null) {
      BESIDE.execute(task);
    }
  }

  /// Begins to compile what the networks of a request ask for whose transformer has this width, as
  /// [#prepare] does; nothing for a width of no published model. Returns at once.
  public void prepareFor(int width) {
    BESIDE.execute(() -> KernelSource.ofWidth(width).forEach(this::prepare));
  }

  /// Waits until all that was begun is compiled and kept; what failed is told to whoever asks for
  /// it.
  public void await() {
    for (var task : cubins.values()) {
      try {
        task.get();
      } catch (ExecutionException e) {
        // Kept in the task.
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while kernels were compiled", e);
      }
    }
  }

  /// Loads a source's kernels into the current context.
  public KernelModule module(KernelSource source) {
    return new KernelModule(cubin(source));
  }

  /// The hash of all that the cubin depends on.
  String key(KernelSource source) {
    var digest = sha256();
    add(digest, compiler.version());
    options(source).forEach(option -> add(digest, option));
    add(digest, source.program());
    source
        .texts()
        .forEach((name, text) -> {
          add(digest, name);
          add(digest, text);
        });
    return HexFormat.of().formatHex(digest.digest());
  }

  private byte[] load(String key, KernelSource source) {
    var file = folder.resolve(key + ".cubin");
    var kept = read(file);
    if (kept != null) {
      return kept;
    }
    var program = source.program();
    var texts = source.texts();
    var cubin = compiler.compile("instance-of-" + source.file(), program, texts, options(source));
    var digest = sha256().digest(cubin);
    // The digest follows the cubin, where tools that read ELF files do not mind it.
    var bytes = Arrays.copyOf(cubin, cubin.length + DIGEST_BYTES);
    System.arraycopy(digest, 0, bytes, cubin.length, DIGEST_BYTES);
    write(file, bytes);
    if (keepSource) {
      var text = new StringBuilder(program);
      texts.forEach(
          (name, body) -> text.append("\n// ---- ").append(name).append('\n').append(body));
      write(folder.resolve(key + ".cu"), text.toString().getBytes(StandardCharsets.UTF_8));
    }
    return cubin;
  }

  /// The cubin of a whole and undamaged file, or null.
  private static byte[] read(Path file) {
    try {
      var bytes = Files.readAllBytes(file);
      var length = bytes.length - DIGEST_BYTES;
      if (length <= 0) {
        return null;
      }
      var cubin = Arrays.copyOf(bytes, length);
      var digest = Arrays.copyOfRange(bytes, length, bytes.length);
      return MessageDigest.isEqual(digest, sha256().digest(cubin)) ? cubin : null;
    } catch (IOException e) {
      return null;
    }
  }

  // Moved without the flush of a pending file's commit: the digest tells a file that a crash
  // spoilt,
  // so that none of the many kernels of a first start waits for the disk; and background threads
  // may
  // write while a program ends.
  private void write(Path file, byte[] bytes) {
    try {
      Files.createDirectories(file.getParent());
      try (var part = PendingFile.file(file)) {
        Files.write(part.path(), bytes);
        Files.move(
            part.path(), file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (IOException e) {
      if (isToldUnwritable.compareAndSet(false, true)) {
        LOG.log(
            System.Logger.Level.WARNING,
            "compiled kernels cannot be kept in %s (%s), so every start compiles them: set XDG_CACHE_HOME to a folder that can be written and has room"
                .formatted(folder, e.getClass().getSimpleName()));
      }
    }
  }

  private static List<String> options(KernelSource source) {
    var options = new ArrayList<>(OPTIONS);
    options.addAll(source.options());
    return options;
  }

  private static void add(MessageDigest digest, String text) {
    var bytes = text.getBytes(StandardCharsets.UTF_8);
    // Lengths keep neighbours apart: "ab" + "c" is not "a" + "bc".
    digest.update((bytes.length + ":").getBytes(StandardCharsets.UTF_8));
    digest.update(bytes);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
