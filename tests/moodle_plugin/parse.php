<?php
// Reads PHP files as PHP 7.2 does, the oldest that a Moodle of ours runs on; prints what it would not take.
//
// The parser is told the version, which settles keywords; what its grammar takes all the same is looked
// for in the tree and in the tokens.

require '/usr/share/php/PhpParser/autoload.php';

use PhpParser\Node;

/** Functions that came after 7.2; plugins may not call them, guarded or not. */
const NEWER = [
    'array_is_list', 'array_key_first', 'array_key_last', 'enum_exists', 'fdiv', 'get_debug_type', 'get_mangled_object_vars',
    'get_resource_id', 'hrtime', 'is_countable', 'mb_str_split', 'net_get_interfaces', 'password_algos',
    'preg_last_error_msg', 'str_contains', 'str_ends_with', 'str_starts_with',
];

/** Constants that came after it. */
const NEWER_CONSTANTS = ['JSON_THROW_ON_ERROR', 'PASSWORD_ARGON2ID'];

class Newer extends PhpParser\NodeVisitorAbstract {
    public $found = [];

    public function enterNode(Node $node) {
        $what = $this->newer($node);
        if ($what !== null) {
            $this->found[] = $node->getStartLine() . ": $what";
        }
    }

    private function newer(Node $node): ?string {
        foreach (['type', 'returnType'] as $part) {
            $type = $node->$part ?? null;
            if ($type instanceof Node\NullableType) {
                $type = $type->type;
            }
            if ($type instanceof Node\UnionType || $type instanceof Node\IntersectionType) {
                return 'a type of several';
            }
            if ($type instanceof Node\Identifier && in_array($type->toLowerString(), ['mixed', 'never', 'null', 'false', 'true'])) {
                return "type $type";
            }
            if ($type instanceof Node\Name && $type->toLowerString() === 'static') {
                return 'type static';
            }
        }
        $said = [
            Node\Stmt\Property::class => ['type', 'a property with a type'],
            Node\Stmt\ClassConst::class => ['type', 'a constant with a type'],
            Node\Expr\ArrayItem::class => ['unpack', '... in an array'],
            Node\Stmt\Catch_::class => ['', 'catch without a variable'],
            Node\Expr\NullsafePropertyFetch::class => [null, '?->'],
            Node\Expr\NullsafeMethodCall::class => [null, '?->'],
            Node\Expr\AssignOp\Coalesce::class => [null, '??='],
            Node\Expr\Throw_::class => [null, 'throw as an expression'],
            Node\Expr\ArrowFunction::class => [null, 'fn'],
            Node\Expr\Match_::class => [null, 'match'],
            Node\Stmt\Enum_::class => [null, 'enum'],
            Node\AttributeGroup::class => [null, 'an attribute'],
            Node\VariadicPlaceholder::class => [null, 'f(...)'],
        ][get_class($node)] ?? null;
        if ($said && ($said[0] === null || ($said[0] === '' ? $node->var === null : $node->{$said[0]} ?? null))) {
            return $said[1];
        }
        if ($node instanceof Node\Arg && $node->name) {
            return 'a named argument';
        }
        if ($node instanceof Node\Param && $node->flags) {
            return 'a property made by the constructor';
        }
        if ($node instanceof Node\Expr\ClassConstFetch && $node->class instanceof Node\Expr && (string) $node->name === 'class') {
            return '$object::class';
        }
        if ($node instanceof Node\Expr\FuncCall && $node->name instanceof Node\Name
                && in_array($node->name->toLowerString(), NEWER)) {
            return $node->name . '()';
        }
        if ($node instanceof Node\Expr\ConstFetch && in_array((string) $node->name, NEWER_CONSTANTS)) {
            return (string) $node->name;
        }
        return null;
    }
}

/** Find what leaves no trace in the tree. */
function in_tokens(string $code): array {
    $found = $open = [];
    $before = $last = null;
    foreach (token_get_all($code) as $token) {
        [$kind, $text, $line] = is_array($token) ? $token : [$token, $token, null];
        if (in_array($kind, [T_WHITESPACE, T_COMMENT, T_DOC_COMMENT])) {
            continue;
        }
        if ($kind === '(') {
            $open[] = in_array($last, [T_ARRAY, T_LIST]);
        } else if ($kind === ')' && !array_pop($open) && $last === ',') {
            $found[] = "$before: a comma after the last argument";
        } else if (in_array($kind, [T_LNUMBER, T_DNUMBER]) && strpos($text, '_') !== false) {
            $found[] = "$line: _ in a number";
        } else if ($kind === T_END_HEREDOC && $text !== ltrim($text)) {
            $found[] = "$line: an indented end of a heredoc";
        }
        $before = $line ?? $before;
        $last = $kind;
    }
    return $found;
}

$parser = new PhpParser\Parser\Php7(new PhpParser\Lexer\Emulative(['phpVersion' => '7.2']));
$all = 0;
foreach (array_slice($argv, 1) as $file) {
    $code = file_get_contents($file);
    $visitor = new Newer();
    try {
        $traverser = new PhpParser\NodeTraverser();
        $traverser->addVisitor($visitor);
        $traverser->traverse($parser->parse($code));
        $found = array_merge($visitor->found, in_tokens($code));
    } catch (PhpParser\Error $problem) {
        $found = [$problem->getStartLine() . ': ' . $problem->getRawMessage()];
    }
    foreach ($found as $one) {
        echo "$file:$one\n";
        $all++;
    }
}
exit($all ? 1 : 0);
