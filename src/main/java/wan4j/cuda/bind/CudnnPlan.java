package wan4j.cuda.bind;

import java.util.List;

/// One engine made ready for one graph; it lives as long as its graph.
public final class CudnnPlan {
  private final long handle;
  private final long plan;
  private final long workspace;
  private final long engine;
  private final int configuration;

  CudnnPlan(long handle, long plan, long workspace, long engine, int configuration) {
    this.handle = handle;
    this.plan = plan;
    this.workspace = workspace;
    this.engine = engine;
    this.configuration = configuration;
  }

  /// Bytes of workspace that a run needs.
  public long workspace() {
    return workspace;
  }

  /// The plan among those of its graph, valid for the same device and library version: the engine's
  /// number and the place of its configuration in the library's list.
  public String algorithm() {
    return engine + ":" + configuration;
  }

  /// What a plan is bound to: tensors' numbers with their addresses, and a workspace.
  public final class Bound implements AutoCloseable {
    private final CudnnDescriptor pack = new CudnnDescriptor(CudnnNames.VARIANT_PACK_DESCRIPTOR);

    private Bound(List<Long> numbers, List<Long> addresses, long workspaceAddress) {
      pack.setLongs(CudnnNames.VARIANT_PACK_DATA_POINTERS, CudnnNames.TYPE_VOID_PTR, addresses)
          .setLongs(CudnnNames.VARIANT_PACK_UNIQUE_IDS, CudnnNames.TYPE_INT64, numbers)
          .setLongs(
              CudnnNames.VARIANT_PACK_WORKSPACE,
              CudnnNames.TYPE_VOID_PTR,
              List.of(workspaceAddress))
          .finish();
    }

    /// Runs in the order of the stream that the handle was given ([Cudnn#setStream]).
    public void run() {
      Cudnn.execute(handle, plan, pack.address());
    }

    @Override
    public void close() {
      pack.close();
    }
  }

  /// Binds the plan to addresses, in the order of `numbers`; device addresses for tensors on the
  /// device, host addresses for those of [CudnnTensor.Place#HOST].
  public Bound bind(List<Long> numbers, List<Long> addresses, long workspaceAddress) {
    return new Bound(numbers, addresses, workspaceAddress);
  }

  /// Binds and runs once.
  public void run(List<Long> numbers, List<Long> addresses, long workspaceAddress) {
    try (var bound = bind(numbers, addresses, workspaceAddress)) {
      bound.run();
    }
  }
}
