internal import NIOCore

/// Keeps replies in the order of their commands while some of them wait for the writer.
struct ReplyOrder {
    /// Stands for a reply that is still to come.
    struct Ticket: Equatable, Sendable { fileprivate let number: Int }

    private var replies: [ByteBuffer?] = []
    /// The number of the first of `replies`; those before were sent.
    private var first = 0
    private var head = 0
    /// Replies that are still to come.
    private(set) var pendingCount = 0

    /// Whether anything has to be sent before what is answered now.
    var isEmpty: Bool { head == replies.count }

    /// Takes the next place for a reply that is still to come.
    mutating func reserve() -> Ticket {
        replies.append(nil)
        pendingCount += 1
        return Ticket(number: first + replies.count - 1)
    }

    /// Gives the place back that was reserved last, because the reply is there already.
    mutating func withdraw(_ ticket: Ticket) {
        precondition(ticket.number == first + replies.count - 1 && replies.last == .some(nil), "not the last place")
        replies.removeLast()
        pendingCount -= 1
    }

    /// A reply that is there, behind others that are not.
    mutating func append(_ reply: ByteBuffer) { replies.append(reply) }

    mutating func fulfil(_ ticket: Ticket, _ reply: ByteBuffer) {
        let index = ticket.number - first
        precondition(replies.indices.contains(index) && replies[index] == nil, "a reply came twice")
        replies[index] = reply
        pendingCount -= 1
    }

    /// The next reply that may be sent; nil while it is still to come, or none is waiting.
    mutating func popReady() -> ByteBuffer? {
        guard head < replies.count, let reply = replies[head] else { return nil }
        head += 1
        if head == replies.count {
            first += head
            head = 0
            replies.removeAll(keepingCapacity: true)
        }
        return reply
    }
}
