internal import Glibc
internal import Storage

/// An ordered map of bytes to bytes whose copies cost nothing and stay as they are: a treap whose changes make new
/// nodes along one path and share the rest.
struct OrderedMap: Sendable {
    final class Node: Sendable {
        let key: [UInt8]
        let value: [UInt8]
        let priority: UInt64
        let left: Node?
        let right: Node?

        init(key: [UInt8], value: [UInt8], priority: UInt64, left: Node? = nil, right: Node? = nil) {
            self.key = key
            self.value = value
            self.priority = priority
            self.left = left
            self.right = right
        }

        func with(left: Node?, right: Node?) -> Node {
            Node(key: key, value: value, priority: priority, left: left, right: right)
        }
    }

    private(set) var root: Node?
    private(set) var count = 0
    private var priorities = SeededGenerator(seed: 1)

    func find(_ key: RawSpan) -> Node? {
        var node = root
        while let here = node {
            let order = key.compare(here.key)
            if order == 0 { return here }
            node = order < 0 ? here.left : here.right
        }
        return nil
    }

    mutating func set(_ key: RawSpan, to value: [UInt8]) {
        if find(key) == nil { count += 1 }
        let leaf = Node(key: [UInt8](copying: key), value: value, priority: priorities.next())
        root = Self.inserting(leaf, key, into: root)
    }

    /// Answers whether the key was there.
    mutating func remove(_ key: RawSpan) -> Bool {
        guard find(key) != nil else { return false }
        count -= 1
        root = Self.removing(key, from: root)
        return true
    }

    private static func inserting(_ leaf: Node, _ key: RawSpan, into node: Node?) -> Node {
        guard let node else { return leaf }
        let order = key.compare(node.key)
        if order == 0 {
            return Node(
                key: node.key, value: leaf.value, priority: node.priority, left: node.left, right: node.right)
        }
        if order < 0 {
            let left = inserting(leaf, key, into: node.left)
            guard left.priority > node.priority else { return node.with(left: left, right: node.right) }
            return left.with(left: left.left, right: node.with(left: left.right, right: node.right))
        }
        let right = inserting(leaf, key, into: node.right)
        guard right.priority > node.priority else { return node.with(left: node.left, right: right) }
        return right.with(left: node.with(left: node.left, right: right.left), right: right.right)
    }

    private static func removing(_ key: RawSpan, from node: Node?) -> Node? {
        guard let node else { return nil }
        let order = key.compare(node.key)
        if order == 0 { return joining(node.left, node.right) }
        if order < 0 { return node.with(left: removing(key, from: node.left), right: node.right) }
        return node.with(left: node.left, right: removing(key, from: node.right))
    }

    private static func joining(_ left: Node?, _ right: Node?) -> Node? {
        guard let left else { return right }
        guard let right else { return left }
        if left.priority > right.priority {
            return left.with(left: left.left, right: joining(left.right, right))
        }
        return right.with(left: joining(left, right.left), right: right.right)
    }

    /// Visits the nodes in `order`, without those that `skips` says come before the first; it must say so for a prefix
    /// of the order.
    func walk<Failure: Error>(
        _ order: ScanOrder, skips: (Node) -> Bool = { _ in false }, _ visit: (Node) throws(Failure) -> ScanStep
    ) throws(Failure) {
        _ = try Self.walk(root, order, skips, visit)
    }

    private static func walk<Failure: Error>(
        _ node: Node?, _ order: ScanOrder, _ skips: (Node) -> Bool, _ visit: (Node) throws(Failure) -> ScanStep
    ) throws(Failure) -> ScanStep {
        guard let node else { return .next }
        let (near, far) = order == .ascending ? (node.left, node.right) : (node.right, node.left)
        if !skips(node) {
            if try walk(near, order, skips, visit) == .stop { return .stop }
            if try visit(node) == .stop { return .stop }
        }
        return try walk(far, order, skips, visit)
    }
}

extension RawSpan {
    /// Below, at or above zero as these bytes sort before, like or after `other`.
    func compare(_ other: [UInt8]) -> Int {
        withUnsafeBytes { mine in
            other.withUnsafeBytes { theirs in
                let shared = min(mine.count, theirs.count)
                if shared > 0, let a = mine.baseAddress, let b = theirs.baseAddress {
                    let order = memcmp(a, b, shared)
                    if order != 0 { return Int(order) }
                }
                return mine.count - theirs.count
            }
        }
    }
}

extension Array where Element == UInt8 {
    public init(copying span: RawSpan) {
        self = span.withUnsafeBytes { Array($0) }
    }
}
