internal import NIOCore

/// Keeps replies in the order of their commands while some of them wait for the writer.
struct ReplyOrder {
    /// Stands for a reply that is still to come.
    struct Ticket: Equatable, Sendable { fileprivate let number: Int }

    private var replies = CircularBuffer<ByteBuffer?>(initialCapacity: 1)
    /// The number of the first of `replies`; those before were sent.
    private var first = 0
    /// Replies that are still to come.
    private(set) var pendingCount = 0

    /// Whether anything has to be sent before what is answered now.
    var isEmpty: Bool { replies.isEmpty }

    /// Replies that are still to come, and those that are there behind them.
    var count: Int { replies.count }

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
        let place = ticket.number - first
        precondition((0..<replies.count).contains(place), "a reply came twice")
        let index = replies.index(replies.startIndex, offsetBy: place)
        precondition(replies[index] == nil, "a reply came twice")
        replies[index] = reply
        pendingCount -= 1
    }

    /// The next reply that may be sent; nil while it is still to come, or none is waiting.
    mutating func popReady() -> ByteBuffer? {
        guard let next = replies.first, let reply = next else { return nil }
        replies.removeFirst()
        first += 1
        return reply
    }
}
