internal import CLMDB
internal import Glibc
internal import Storage

/// File systems whose locks or shared memory don't hold between machines, by the magic number of `statfs(2)`.
enum FileSystem {
    private static let networked: [UInt32: String] = [
        0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB2", 0x5346_414F: "AFS",
        0x6B41_4653: "AFS", 0x7375_7245: "Coda", 0x00C3_6400: "Ceph", 0x0BD0_0BD0: "Lustre",
        0x0102_1997: "9p", 0x0116_1970: "GFS2", 0x7461_636F: "OCFS2", 0x6573_5546: "FUSE", 0x4750_4653: "GPFS",
        0x1983_0326: "BeeGFS", 0x786F_4256: "a VirtualBox share", 0x2003_0528: "OrangeFS", 0x564C: "NCP",
    ]

    /// The name of the networked file system with this magic number, or nil where it is a local one.
    static func networkedName(magic: Int) -> String? {
        networked[UInt32(truncatingIfNeeded: magic)]
    }

    /// Throws where `path` lies on a networked file system.
    static func refuseNetworked(_ path: String, unless allowed: Bool) throws(StorageError) {
        if allowed { return }
        var status = statfs()
        guard statfs(path, &status) == 0 else { throw StorageError(code: errno, during: path) }
        if let name = networkedName(magic: Int(status.f_type)) {
            throw .unsupportedFileSystem("\(path) is on \(name), where LMDB's locks don't hold")
        }
    }
}
