// What a program asks of an error.

package dev.ringwire

/** What kind of thing went wrong. */
public val CallException.kind: CallErrorKind
    get() = when (this) {
        is CallException.Failed -> kind
    }

/** A stable word for programs, where the kind says that there is one. */
public val CallException.code: String?
    get() = when (this) {
        is CallException.Failed -> code
    }

/** What happened and what to do, for people. */
public val CallException.reason: String
    get() = when (this) {
        is CallException.Failed -> reason
    }
