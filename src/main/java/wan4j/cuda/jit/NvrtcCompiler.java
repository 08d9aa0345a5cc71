package wan4j.cuda.jit;

import java.util.List;
import java.util.Map;
import wan4j.cuda.bind.Nvrtc;

/// Compiles with NVRTC of this machine, which sees no folder of the toolkit.
public final class NvrtcCompiler implements KernelCompiler {
  /// A compiler that asks NVRTC only when it has to compile.
  public NvrtcCompiler() {}

  @Override
  public String version() {
    return "NVRTC " + Nvrtc.version();
  }

  @Override
  public byte[] compile(
      String name, String program, Map<String, String> headers, List<String> options) {
    return Nvrtc.compile(name, program, headers, options);
  }
}
