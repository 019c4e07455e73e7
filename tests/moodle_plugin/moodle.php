<?php
// As much of Moodle as the plugins' code needs to run with PHP alone: ours, and small.
//
// A database in memory answers the plugins' own SQL, so that what is tested is what a Moodle runs.

define('MOODLE_INTERNAL', true);
define('MNET_SERVER', true);
define('SITEID', 1);
define('CONTEXT_SYSTEM', 10);
define('CONTEXT_COURSECAT', 40);
define('CONTEXT_COURSE', 50);
define('IGNORE_MISSING', 0);
define('IGNORE_MULTIPLE', 1);
define('MUST_EXIST', 2);
define('SQL_PARAMS_NAMED', 1);
define('SQL_PARAMS_QM', 2);
define('MATURITY_STABLE', 200);

spl_autoload_register(function ($class) {
    [$component, $path] = explode('\\', $class, 2) + ['', ''];
    $file = PLUGINS . "/$component/classes/" . str_replace('\\', '/', $path) . '.php';
    if (is_file($file)) {
        require $file;
    }
});

class moodle_exception extends Exception {
    public function __construct($errorcode, $module = '', $link = '', $a = null) {
        parent::__construct($module . '/' . $errorcode . ($a === null ? '' : ': ' . json_encode($a)));
    }
}

class dml_exception extends moodle_exception {
}

class mnet_server_exception extends moodle_exception {
    public function __construct($code, $key, $module = 'mnet', $a = null) {
        parent::__construct($key, $module, '', $a);
        $this->code = $code;
    }
}

/** What a test sets with get_config's names. */
class settings {
    public static $of = [];
}

function get_config($component, $name = null) {
    $all = settings::$of[$component] ?? [];
    return $name === null ? (object) $all : ($all[$name] ?? false);
}

function set_config($name, $value, $component = 'core') {
    settings::$of[$component][$name] = (string) $value;
    if ($component === 'core') {
        $GLOBALS['CFG']->$name = (string) $value;
    }
}

function get_mnet_remote_client() {
    return $GLOBALS['MNET_CALLER'] ?? null;
}

/** A context, found by the course it is of. */
class context_course {
    public $id;
    public $path;

    public static function instance($courseid, $strictness = MUST_EXIST) {
        global $DB;
        $row = $DB->get_record('context', ['contextlevel' => CONTEXT_COURSE, 'instanceid' => $courseid]);
        if (!$row) {
            return false;
        }
        $context = new self();
        [$context->id, $context->path] = [(int) $row->id, $row->path];
        return $context;
    }

    public function get_parent_context_ids($includeself = false) {
        $ids = array_reverse(explode('/', trim($this->path, '/')));
        return $includeself ? $ids : array_slice($ids, 1);
    }
}

/** Ends what start_delegated_transaction() began. */
class transaction {
    private $connection;

    public function __construct(PDO $connection) {
        $this->connection = $connection;
    }

    public function allow_commit() {
        $this->connection->commit();
    }
}

/** Moodle's database calls, over SQLite. */
class database {
    /** @var int how many statements were run */
    public $asked = 0;

    private $connection;

    public function __construct() {
        $this->connection = new PDO('sqlite::memory:', null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
    }

    public function get_manager() {
        return $this;
    }

    public function table_exists($table) {
        return (bool) $this->run("SELECT 1 FROM sqlite_master WHERE name = ?", [$table])->fetch();
    }

    public function run($sql, array $params = []) {
        $this->asked++;
        $sql = preg_replace('/\{(\w+)\}/', '$1', $sql);
        preg_match_all('/(?<!:):([a-z]\w*)/', $sql, $named);
        if (array_diff_key($params, array_flip($named[1])) && $named[1] || count($named[1]) !== count(array_unique($named[1]))) {
            throw new dml_exception('parameters', '', '', [$sql, $params]);
        }
        try {
            $statement = $this->connection->prepare($sql);
            foreach ($params as $name => $value) {
                $statement->bindValue(is_int($name) ? $name + 1 : $name, is_bool($value) ? (int) $value : $value,
                    is_int($value) || is_bool($value) ? PDO::PARAM_INT : PDO::PARAM_STR);
            }
            $statement->execute();
        } catch (PDOException $problem) {
            throw new dml_exception($problem->getMessage() . " in $sql");
        }
        return $statement;
    }

    public function insert_record($table, $row) {
        $row = array_map(function ($value) {
            return is_bool($value) ? (int) $value : $value;
        }, (array) $row);
        $names = array_keys($row);
        $this->run("INSERT INTO {{$table}} (" . implode(', ', $names) . ') VALUES (:' . implode(', :', $names) . ')', $row);
        return (int) $this->connection->lastInsertId();
    }

    public function insert_records($table, $rows) {
        foreach ($rows as $row) {
            $this->insert_record($table, $row);
        }
    }

    public function start_delegated_transaction() {
        $this->connection->beginTransaction();
        return new transaction($this->connection);
    }

    public function execute($sql, array $params = []) {
        $this->run($sql, $params);
    }

    public function update_record($table, $row) {
        $row = (array) $row;
        $set = array_map(function ($name) {
            return "$name = :$name";
        }, array_keys(array_diff_key($row, ['id' => 0])));
        $this->run("UPDATE {{$table}} SET " . implode(', ', $set) . ' WHERE id = :id', $row);
    }

    public function set_field($table, $name, $value, array $where) {
        [$sql, $params] = $this->where($where);
        $this->run("UPDATE {{$table}} SET $name = :new WHERE $sql", ['new' => $value] + $params);
    }

    public function set_field_select($table, $name, $value, $where, array $params = []) {
        $isnamed = is_string(key($params));
        $new = $isnamed ? ['new' => $value] + $params : array_merge([$value], $params);
        $this->run("UPDATE {{$table}} SET $name = " . ($isnamed ? ':new' : '?') . " WHERE $where", $new);
    }

    public function delete_records_list($table, $name, array $values) {
        foreach ($values as $value) {
            $this->delete_records($table, [$name => $value]);
        }
    }

    public function delete_records_select($table, $where, array $params = []) {
        $this->run("DELETE FROM {{$table}} WHERE $where", $params);
    }

    public function delete_records($table, array $where = []) {
        [$sql, $params] = $this->where($where);
        $this->run("DELETE FROM {{$table}} WHERE $sql", $params);
    }

    public function get_recordset_sql($sql, array $params = [], $from = 0, $limit = 0) {
        $limited = $limit ? "$sql LIMIT " . (int) $limit . ' OFFSET ' . (int) $from : $sql;
        foreach ($this->run($limited, $params) as $row) {
            // As Moodle's drivers: every value is a text or null.
            yield (object) array_map(function ($value) {
                return $value === null ? null : (string) $value;
            }, array_filter($row, 'is_string', ARRAY_FILTER_USE_KEY));
        }
    }

    public function get_records_sql($sql, array $params = [], $from = 0, $limit = 0) {
        $found = [];
        foreach ($this->get_recordset_sql($sql, $params, $from, $limit) as $row) {
            $first = current((array) $row);
            if (isset($found[$first])) {
                throw new dml_exception("first column twice: $first");
            }
            $found[$first] = $row;
        }
        return $found;
    }

    public function get_records_sql_menu($sql, array $params = []) {
        $found = [];
        foreach ($this->get_recordset_sql($sql, $params) as $row) {
            [$key, $value] = array_values((array) $row);
            $found[$key] = $value;
        }
        return $found;
    }

    public function get_records($table, array $where = [], $sort = 'id', $fields = '*', $from = 0, $limit = 0) {
        [$sql, $params] = $this->where($where);
        return $this->get_records_select($table, $sql, $params, $sort, $fields, $from, $limit);
    }

    public function get_records_select($table, $where, array $params = [], $sort = '', $fields = '*', $from = 0, $limit = 0) {
        $sql = "SELECT $fields FROM {{$table}} WHERE $where ORDER BY " . ($sort ?: 'id');
        return $this->get_records_sql($sql, $params, $from, $limit);
    }

    public function get_record_sql($sql, array $params = []) {
        return $this->get_recordset_sql($sql, $params)->current() ?? false;
    }

    public function get_record($table, array $where) {
        [$sql, $params] = $this->where($where);
        return $this->get_record_sql("SELECT * FROM {{$table}} WHERE $sql", $params);
    }

    public function get_fieldset_sql($sql, array $params = []) {
        return array_map(function ($row) {
            return current((array) $row);
        }, iterator_to_array($this->get_recordset_sql($sql, $params), false));
    }

    public function get_fieldset_select($table, $name, $where, array $params = []) {
        return $this->get_fieldset_sql("SELECT $name FROM {{$table}} WHERE $where", $params);
    }

    public function get_field_sql($sql, array $params = []) {
        $row = $this->get_record_sql($sql, $params);
        return $row ? current((array) $row) : false;
    }

    public function get_field($table, $name, array $where) {
        [$sql, $params] = $this->where($where);
        return $this->get_field_sql("SELECT $name FROM {{$table}} WHERE $sql", $params);
    }

    public function record_exists($table, array $where) {
        return $this->count_records($table, $where) > 0;
    }

    public function record_exists_select($table, $where, array $params = []) {
        return $this->count_records_select($table, $where, $params) > 0;
    }

    public function record_exists_sql($sql, array $params = []) {
        return $this->get_record_sql($sql, $params) !== false;
    }

    public function count_records_sql($sql, array $params = []) {
        return (int) $this->get_field_sql($sql, $params);
    }

    public function count_records_select($table, $where, array $params = []) {
        return $this->count_records_sql("SELECT COUNT(1) FROM {{$table}} WHERE $where", $params);
    }

    public function count_records($table, array $where = []) {
        [$sql, $params] = $this->where($where);
        return $this->count_records_select($table, $sql, $params);
    }

    public function get_in_or_equal($items, $type = SQL_PARAMS_QM, $prefix = 'param') {
        static $number = 0;
        $named = [];
        foreach ($items as $item) {
            $named[$type === SQL_PARAMS_QM ? count($named) : $prefix . ++$number] = $item;
        }
        $marks = $type === SQL_PARAMS_QM ? array_fill(0, count($named), '?') : array_map(function ($name) {
            return ":$name";
        }, array_keys($named));
        return ['IN (' . implode(',', $marks) . ')', $named];
    }

    public function sql_like($field, $param) {
        return "$field LIKE $param";
    }

    public function sql_concat(...$parts) {
        return implode(' || ', $parts);
    }

    private function where(array $where) {
        $sql = array_map(function ($name) {
            return "$name = :$name";
        }, array_keys($where));
        return [implode(' AND ', $sql) ?: '1 = 1', $where];
    }
}

/** Begin anew: no settings, an empty database. */
function reset_moodle() {
    global $CFG, $DB, $SITE;
    settings::$of = [];
    $CFG = (object) [
        'wwwroot' => 'https://moodle.example', 'mnet_localhost_id' => 1, 'siteguest' => 1, 'version' => '2024100706.00',
        'release' => '4.5.6', 'dirroot' => '/nowhere', 'libdir' => '/nowhere',
    ];
    $SITE = (object) ['fullname' => 'The Moodle', 'shortname' => 'M'];
    $DB = new database();
    unset($GLOBALS['MNET_CALLER']);
}

// What a test says.

function same($expected, $found, $about = '') {
    if ($expected !== $found) {
        $shown = [json_encode($expected, JSON_UNESCAPED_SLASHES), json_encode($found, JSON_UNESCAPED_SLASHES)];
        throw new AssertionError(trim("$about expected {$shown[0]}, found {$shown[1]}"));
    }
}

function holds($condition, $about = 'this does not hold') {
    same(true, (bool) $condition, $about);
}

function refused($code, callable $work) {
    try {
        $work();
    } catch (Exception $problem) {
        return same($code, $problem->getCode(), $problem->getMessage());
    }
    throw new AssertionError("not refused with $code");
}
